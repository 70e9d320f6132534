//! What an attempt wants done.

use std::borrow::Cow;

use piton_shared::{
    journal::{Payload, StepKey},
    message::{append::Append, claim::HandBackReason, state::StateScope},
    replay::Fetch,
};

use super::step::Bounds;

/// What an attempt wants done.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Execute a function, as soon as there is a slot.
    Start(Box<Start>),
    /// Stop executing it, or do not begin.
    Abort(StepKey),
    /// Have this written. The next comes only after the answer.
    Append(Box<Append>),
    /// Read the rows from outside after this number.
    ReadOutside { after: u32 },
    /// Read a value of state for this call.
    ReadState { key: StepKey, scope: StateScope, name: String },
    /// Read a page of a batch's results. At most one is under way.
    Fetch(Fetch),
    /// Drop the machine, read the journal and come again with a new one.
    Replay,
    /// Give the run back. The last effect of an attempt.
    HandBack(HandBackReason),
    /// Forget the run. The last effect of an attempt.
    Drop,
}

/// A try to begin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Start {
    pub(crate) key: StepKey,
    pub(crate) function: Cow<'static, str>,
    pub(crate) input: Payload,
    pub(crate) try_number: u32,
    /// Tries there may be, this one included.
    pub(crate) max_tries: u32,
    pub(crate) bounds: Bounds,
}
