//! What stands in the database of calls without a result.

use std::collections::{BTreeMap, BTreeSet};

use piton_shared::{
    journal::{Entry, Kind, StepKey},
    message::{
        append::Append,
        claim::{OpenCall, Waiting},
        read::More,
    },
    time::Timestamp,
};

/// Tries that earlier attempts left, and what they and this one set up outside.
#[derive(Debug, Default)]
pub(super) struct Left {
    tries: BTreeMap<StepKey, LeftTries>,
    standing: BTreeMap<StepKey, Standing>,
    /// Timers for tries that are over, by [`StepKey::retry`].
    over: BTreeSet<StepKey>,
}

/// What stands outside for a call that the workflow waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A timer.
    Sleep,
    /// The step was given away.
    Away,
    /// A batch that was given so many items.
    Batch { items: u32, more: More },
}

/// Tries of a step before this attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftTries {
    pub(super) failed: u32,
    /// The highest number that was used.
    pub(super) last: u32,
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
            let timer = match call.waiting {
                Some(Waiting::Sleep) => {
                    left.standing.insert(call.key, Standing::Sleep);
                    continue;
                }
                Some(Waiting::Dispatched) => {
                    left.standing.insert(call.key, Standing::Away);
                    continue;
                }
                Some(Waiting::Batch { items, more }) => {
                    left.standing.insert(call.key, Standing::Batch { items, more });
                    continue;
                }
                Some(Waiting::Retry) => LeftTimer::Stands,
                None => LeftTimer::None,
            };
            let key = retried(&call.key).map_or_else(|| call.key.clone(), |(key, _)| key);
            let tries = LeftTries {
                failed: call.failed_tries,
                last: call.last_try.max(call.failed_tries),
                first_started: call.first_started_at,
                last_failed: call.last_failed_at,
                timer,
            };
            left.tries.insert(key, tries);
        }
        left
    }

    /// Learns from the journal which timers of tries are over, and which calls are answered.
    pub(super) fn read(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.standing.remove(&entry.key);
            if entry.kind == Kind::Retry {
                self.over.insert(entry.key.clone());
            }
        }
    }

    /// Whether the timer for this try of the step is over.
    pub(super) fn is_over(&self, key: &StepKey, try_number: u32) -> bool {
        self.over.contains(&key.retry(try_number))
    }

    /// Takes what is known of a step's tries, once.
    pub(super) fn tries(&mut self, key: &StepKey) -> LeftTries {
        self.tries.remove(key).unwrap_or_default()
    }

    /// What stands outside for this call.
    pub(super) fn standing(&self, key: &StepKey) -> Option<Standing> {
        self.standing.get(key).copied()
    }

    /// Everything that stands outside and for which this holds no longer.
    pub(super) fn unless(&self, mut wanted: impl FnMut(&StepKey) -> bool) -> Vec<StepKey> {
        self.standing.keys().filter(|key| !wanted(key)).cloned().collect()
    }

    /// It is over, or nobody waits for it.
    pub(super) fn forget(&mut self, key: &StepKey) {
        self.standing.remove(key);
    }

    /// An append was written: what it asked for stands, and what it took back does not.
    pub(super) fn set(&mut self, append: &Append) {
        for wait in append.waits.iter().filter(|wait| wait.kind == Kind::Sleep) {
            self.standing.insert(wait.key.clone(), Standing::Sleep);
        }
        for dispatch in &append.dispatches {
            self.standing.insert(dispatch.key.clone(), Standing::Away);
        }
        for chunk in &append.batches {
            let given = u32::try_from(chunk.items.len()).unwrap_or(u32::MAX);
            let items = (chunk.first - 1).saturating_add(given);
            self.standing.insert(chunk.key.clone(), Standing::Batch { items, more: chunk.more });
        }
        for key in &append.withdrawn {
            self.standing.remove(key);
        }
    }
}

/// Reads [`StepKey::retry`] back. No name holds a `~`, so nothing else looks like it.
pub(crate) fn retried(key: &StepKey) -> Option<(StepKey, u32)> {
    let (step, number) = key.as_str().rsplit_once('~')?;
    Some((StepKey::new(step), number.parse().ok()?))
}
