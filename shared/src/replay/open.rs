//! What every future of a call is made of: asks once, waits, and withdraws when it is dropped.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    call::{Call, Prompt, Road},
    core::Core,
    ledger::{Answer, CallId, Found},
};
use crate::{journal::StepKey, parked::Parked};

/// A call, from when it is made until it is answered.
pub(super) struct Open {
    core: Arc<Core>,
    stage: Stage,
}

enum Stage {
    Made(Box<Call>),
    Asked(CallId),
    /// Answered and read, or of a run that is parked: never ready again.
    Over,
}

/// What a call hears.
pub(super) enum Heard {
    Answer(StepKey, Answer),
    /// Something is wanted of it; it is still open.
    Prompt(Prompt),
}

impl Open {
    /// A call that could not be made keeps its run parked and never ends.
    pub(super) fn new(core: Arc<Core>, call: Option<Call>) -> Self {
        let stage = call.map_or(Stage::Over, |call| Stage::Made(Box::new(call)));
        Self { core, stage }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Sends a step elsewhere that was not asked for yet.
    pub(super) fn take_road(&mut self, road: Road) {
        if let Stage::Made(call) = &mut self.stage
            && let Call::Step(step) = &mut **call
        {
            step.road = step.road.or(road);
        }
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Heard> {
        if !self.core.in_turn() {
            return Poll::Pending;
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Poll::Pending,
            Stage::Made(call) => {
                let waker = cx.waker().clone();
                let asked = self.core.ledger().ask(*call, waker);
                if let Ok(id) = asked {
                    self.stage = Stage::Asked(id);
                }
                Poll::Pending
            }
            Stage::Asked(id) => {
                let found = self.core.ledger().find(id, cx.waker());
                if let Found::Answer(key, answer) = found {
                    return Poll::Ready(Heard::Answer(key, answer));
                }
                self.stage = Stage::Asked(id);
                match found {
                    Found::Prompt(prompt) => return Poll::Ready(Heard::Prompt(prompt)),
                    Found::Moved => {
                        let waker = cx.waker().clone();
                        let replaced = self.core.ledger().rewake(id, waker);
                        drop(replaced);
                    }
                    Found::Answer(..) | Found::Waiting => {}
                }
                Poll::Pending
            }
        }
    }

    /// A value that today's code cannot read is no error of the call: the run is parked.
    pub(super) fn park_undecodable(&self, key: StepKey, message: String) {
        self.core.ledger().park(Parked::Undecodable { key, message });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Stage::Asked(id) = self.stage {
            let waker = self.core.ledger().withdraw(id);
            drop(waker);
        }
    }
}
