//! What stands in the database of calls without a result.

use std::collections::{BTreeMap, BTreeSet};

use piton_shared::{
    journal::{Entry, Kind, StepKey},
    message::{append::Append, claim::OpenCall},
    time::Timestamp,
};

/// Tries and timers that earlier attempts left, and timers that this one set.
#[derive(Debug, Default)]
pub(super) struct Left {
    tries: BTreeMap<StepKey, LeftTries>,
    sleeps: BTreeSet<StepKey>,
    /// Timers for tries that are over, by [`StepKey::retry`].
    over: BTreeSet<StepKey>,
}

/// Tries of a step before this attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftTries {
    pub(super) failed: u32,
    pub(super) first_started: Option<Timestamp>,
    pub(super) last_failed: Option<Timestamp>,
    pub(super) timer: LeftTimer,
}

/// How the wait for the next try stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LeftTimer {
    /// It was kept in memory.
    #[default]
    None,
    /// A timer stands for it.
    Stands,
}

impl Left {
    pub(super) fn new(open: Vec<OpenCall>) -> Self {
        let mut left = Self::default();
        for call in open {
            match call.waiting {
                Some(Kind::Sleep) => {
                    left.sleeps.insert(call.key);
                }
                waiting @ (None | Some(Kind::Retry | Kind::Step | Kind::Cancel)) => {
                    let key = retried(&call.key).map_or_else(|| call.key.clone(), |(key, _)| key);
                    let timer = if waiting.is_some() { LeftTimer::Stands } else { LeftTimer::None };
                    let tries = LeftTries {
                        failed: call.failed_tries,
                        first_started: call.first_started_at,
                        last_failed: call.last_failed_at,
                        timer,
                    };
                    left.tries.insert(key, tries);
                }
            }
        }
        left
    }

    /// Learns from the journal which timers of tries are over.
    pub(super) fn read(&mut self, entries: &[Entry]) {
        let over = entries.iter().filter(|entry| entry.kind == Kind::Retry);
        self.over.extend(over.map(|entry| entry.key.clone()));
    }

    /// Whether the timer for this try of the step is over.
    pub(super) fn is_over(&self, key: &StepKey, try_number: u32) -> bool {
        self.over.contains(&key.retry(try_number))
    }

    /// Takes what is known of a step's tries, once.
    pub(super) fn tries(&mut self, key: &StepKey) -> LeftTries {
        self.tries.remove(key).unwrap_or_default()
    }

    /// Whether this timer is set already.
    pub(super) fn sleeps(&self, key: &StepKey) -> bool {
        self.sleeps.contains(key)
    }

    /// The timer is over, or nobody waits for it.
    pub(super) fn forget(&mut self, key: &StepKey) {
        self.sleeps.remove(key);
    }

    /// An append was written: its timers are set.
    pub(super) fn set(&mut self, append: &Append) {
        let sleeps = append.waits.iter().filter(|wait| wait.kind == Kind::Sleep);
        self.sleeps.extend(sleeps.map(|wait| wait.key.clone()));
    }
}

/// Reads [`StepKey::retry`] back. No name holds a `~`, so nothing else looks like it.
pub(crate) fn retried(key: &StepKey) -> Option<(StepKey, u32)> {
    let (step, number) = key.as_str().rsplit_once('~')?;
    Some((StepKey::new(step), number.parse().ok()?))
}
