//! Steps that this worker cannot execute: their runs wait for a person.

use piton_shared::parked::Parked;

use super::attempt::{Input, Start};

/// This worker has no such function.
pub(super) fn lacks(start: &Start) -> Input {
    Input::Unfit(Parked::Unregistered { name: start.function.clone().into_owned() })
}
