//! What functions note, on whichever stack.

use std::sync::Mutex;

use piton::FunctionContext;
use tokio::sync::Notify;

/// The calls of all functions that note them, in their order.
#[derive(Default)]
pub(crate) struct Tally {
    calls: Mutex<Vec<Called>>,
    changed: Notify,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) step: String,
    pub(crate) key: String,
    pub(crate) try_number: u32,
}

impl Tally {
    pub(crate) fn note(&self, context: &FunctionContext) {
        let called = Called {
            step: context.step_key().to_string(),
            key: context.idempotency_key(),
            try_number: context.try_number(),
        };
        self.calls.lock().expect("nobody panics under it").push(called);
        self.changed.notify_waiters();
    }

    /// The calls of one step.
    pub(crate) fn of(&self, step: &str) -> Vec<Called> {
        let calls = self.calls.lock().expect("nobody panics under it");
        calls.iter().filter(|called| called.step == step).cloned().collect()
    }

    /// Waits until this step was called.
    pub(crate) async fn called(&self, step: &str) {
        loop {
            let changed = self.changed.notified();
            if !self.of(step).is_empty() {
                return;
            }
            changed.await;
        }
    }
}
