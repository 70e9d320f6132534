//! The future of one call.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    call::{Call, Road},
    core::Core,
    open::{Heard, Open},
};
use crate::{codec::DecodeError, failure::StepError};

/// Reads an answer as today's type.
pub type Decode<T> = fn(&[u8]) -> Result<T, DecodeError>;

/// One call of a workflow, as a future. It has its key from when it is made and asks when it is first polled; dropped
/// before its answer, the call is withdrawn.
///
/// An answer that today's `T` cannot read is no error of the step: the run is parked, and this future never ends.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Durable<T> {
    call: Open,
    decode: Decode<T>,
}

impl<T> Durable<T> {
    /// A call that could not be made keeps its run parked and never ends.
    pub(super) fn new(core: Arc<Core>, call: Option<Call>, decode: Decode<T>) -> Self {
        Self { call: Open::new(core, call), decode }
    }

    /// The same step on this road: one of a fan-out is executed wherever there is room. What is away stays so, and nothing
    /// changes once it was asked for.
    pub fn on(mut self, road: Road) -> Self {
        self.call.take_road(road);
        self
    }
}

impl<T> Future for Durable<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.call.poll(cx) {
                Poll::Pending => return Poll::Pending,
                // Nothing is wanted of such a call.
                Poll::Ready(Heard::Prompt(_)) => {}
                Poll::Ready(Heard::Answer(_, Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Heard::Answer(key, Ok(payload))) => {
                    return match (self.decode)(&payload) {
                        Ok(value) => Poll::Ready(Ok(value)),
                        Err(error) => {
                            self.call.park_undecodable(key, error.to_string());
                            Poll::Pending
                        }
                    };
                }
            }
        }
    }
}
