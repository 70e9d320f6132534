//! Reads a page of a batch's results.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{call::FetchedResults, core::Core, fetches::Fetched};
use crate::journal::StepKey;

/// A page of the results of a batch that has ended, as a future. It is asked for when it is first polled and does not
/// fail: the driver reads until it has it.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Fetching {
    core: Arc<Core>,
    stage: Stage,
}

enum Stage {
    Made { batch: StepKey, after: u32 },
    Asked(u64),
    Over,
}

impl Fetching {
    pub(super) fn new(core: Arc<Core>, batch: StepKey, after: u32) -> Self {
        Self { core, stage: Stage::Made { batch, after } }
    }
}

impl Future for Fetching {
    type Output = FetchedResults;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<FetchedResults> {
        if !self.core.in_turn() {
            return Poll::Pending;
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Poll::Pending,
            Stage::Made { batch, after } => {
                let waker = cx.waker().clone();
                let mut ledger = self.core.ledger();
                ledger.moves += 1;
                let id = ledger.fetches.ask(batch, after, waker);
                drop(ledger);
                self.stage = Stage::Asked(id);
                Poll::Pending
            }
            Stage::Asked(id) => {
                let found = self.core.ledger().fetches.find(id, cx.waker());
                match found {
                    Fetched::Results(results) => {
                        self.core.ledger().moves += 1;
                        return Poll::Ready(results);
                    }
                    Fetched::Moved => {
                        let waker = cx.waker().clone();
                        let replaced = self.core.ledger().fetches.rewake(id, waker);
                        drop(replaced);
                    }
                    Fetched::Waiting => {}
                }
                self.stage = Stage::Asked(id);
                Poll::Pending
            }
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Stage::Asked(id) = self.stage {
            let waker = self.core.ledger().fetches.withdraw(id);
            drop(waker);
        }
    }
}

impl fmt::Debug for Fetching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetching").finish_non_exhaustive()
    }
}
