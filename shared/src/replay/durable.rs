//! The future of one call.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use serde::de::DeserializeOwned;

use super::{
    call::Call,
    ledger::{CallId, Core, Found},
};
use crate::{codec, failure::StepError, journal::StepKey, parked::Parked};

/// One call of a workflow, as a future. It has its key from when it is made and asks when it is first polled; dropped
/// before its answer, the call is withdrawn.
///
/// An answer that today's `T` cannot read is no error of the step: the run is parked, and this future never ends.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Durable<T> {
    core: Arc<Core>,
    stage: Stage,
    output: PhantomData<fn() -> T>,
}

enum Stage {
    Made(Box<Call>),
    Asked(CallId),
    /// Answered and read, or of a run that is parked: never ready again.
    Over,
}

impl<T> Durable<T> {
    /// A call that could not be made keeps its run parked and never ends.
    pub(super) fn new(core: Arc<Core>, call: Option<Call>) -> Self {
        let stage = call.map_or(Stage::Over, |call| Stage::Made(Box::new(call)));
        Self { core, stage, output: PhantomData }
    }
}

impl<T: DeserializeOwned> Future for Durable<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
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
                match found {
                    Found::Answer(key, Ok(payload)) => self.decode(key, &payload),
                    Found::Answer(_, Err(error)) => Poll::Ready(Err(error)),
                    Found::Moved => {
                        let waker = cx.waker().clone();
                        let replaced = self.core.ledger().rewake(id, waker);
                        drop(replaced);
                        self.stage = Stage::Asked(id);
                        Poll::Pending
                    }
                    Found::Waiting => {
                        self.stage = Stage::Asked(id);
                        Poll::Pending
                    }
                }
            }
        }
    }
}

impl<T: DeserializeOwned> Durable<T> {
    fn decode(&self, key: StepKey, payload: &[u8]) -> Poll<Result<T, StepError>> {
        match codec::decode(payload) {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(error) => {
                self.core.ledger().park(Parked::Undecodable { key, message: error.to_string() });
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Durable<T> {
    fn drop(&mut self) {
        if let Stage::Asked(id) = self.stage {
            let waker = self.core.ledger().withdraw(id);
            drop(waker);
        }
    }
}
