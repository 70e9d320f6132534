//! State that is computed anew from what stands there.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    call::{Call, Prompt, Write},
    core::Core,
    durable::Decode,
    open::{Heard, Open},
};
use crate::{
    codec::{DecodeError, EncodeError},
    failure::StepError,
    journal::{Payload, StepKey},
    message::state::StateValue,
    parked::Parked,
};

/// Computes a new value from the one that stands there; runs as often as somebody else was faster.
pub type Compute = Box<dyn FnMut(Option<&[u8]>) -> Result<Payload, Uncomputed> + Send>;

/// Why no value came of it. Parks the run.
#[derive(Debug, thiserror::Error)]
pub enum Uncomputed {
    /// Today's type cannot read what stands there.
    #[error(transparent)]
    Unreadable(DecodeError),
    /// The new value cannot be journaled.
    #[error(transparent)]
    Unwritable(EncodeError),
}

/// An update of state, as a future. It has its key from when it is made and asks when it is first polled. It ends with
/// what was written.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Updated<T> {
    call: Open,
    key: Option<StepKey>,
    compute: Compute,
    decode: Decode<T>,
}

impl<T> Updated<T> {
    pub(super) fn new(core: Arc<Core>, call: Option<Call>, compute: Compute, decode: Decode<T>) -> Self {
        let key = call.as_ref().map(|call| call.key().clone());
        Self { call: Open::new(core, call), key, compute, decode }
    }

    fn write(&mut self, current: &StateValue) {
        let Some(key) = self.key.clone() else { return };
        let core = Arc::clone(self.call.core());
        let computed = core.answer_prompt(|| (self.compute)(current.value.as_deref()));
        match computed {
            Ok(value) => {
                let write = Write { key, value: Some(value), expected: current.version };
                core.ledger().hand_write(write);
            }
            Err(Uncomputed::Unreadable(error)) => self.call.park_undecodable(key, error.to_string()),
            Err(Uncomputed::Unwritable(error)) => {
                let message = format!("the new value of the update `{key}` cannot be journaled: {error}");
                core.ledger().park(Parked::Limit { message });
            }
        }
    }
}

impl<T> Future for Updated<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.call.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Heard::Prompt(Prompt::Value(current))) => self.write(&current),
                Poll::Ready(Heard::Prompt(Prompt::Items { .. })) => {}
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

impl<T> fmt::Debug for Updated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updated").field("key", &self.key).finish_non_exhaustive()
    }
}
