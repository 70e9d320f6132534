//! What the machine, its scopes and its futures share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use uuid::Uuid;

use super::{alarm::Alarm, ledger::Ledger};
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) seed: Uuid,
    pub(super) alarm: Arc<Alarm>,
    ledger: Mutex<Ledger>,
    /// Whether code runs that a replay may skip.
    prompted: AtomicBool,
}

impl Core {
    pub(super) fn new(seed: Uuid, started_at: Timestamp) -> Self {
        Self {
            seed,
            alarm: Arc::default(),
            ledger: Mutex::new(Ledger::new(started_at)),
            prompted: AtomicBool::new(false),
        }
    }

    /// No user code runs under this lock, so a panic cannot leave the ledger half written.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks unless the workflow takes its turn on this thread: a context used elsewhere cannot be replayed.
    pub(super) fn in_turn(&self) -> bool {
        let in_turn = self.alarm.is_turn();
        if !in_turn {
            self.ledger().park_stranger();
        }
        in_turn
    }

    /// Runs the user's answer to a prompt. A replay has no prompts, so what is counted in there would be missing: using
    /// the context parks meanwhile.
    pub(super) fn answer_prompt<T>(&self, answer: impl FnOnce() -> T) -> T {
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        self.prompted.store(true, Ordering::Relaxed);
        let _over = Over(&self.prompted);
        answer()
    }

    /// Whether a prompt is being answered; if so the run parks.
    pub(super) fn is_prompted(&self) -> bool {
        let prompted = self.prompted.load(Ordering::Relaxed);
        if prompted {
            self.ledger().park_limit(
                "the items of a batch, or the new value of an update, are made with the context: that does not replay, \
                 so ask for what they need before",
            );
        }
        prompted
    }
}
