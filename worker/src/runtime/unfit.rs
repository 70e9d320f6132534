//! Steps that this worker cannot execute: their runs wait for a person.

use piton_shared::{name::Queue, parked::Parked};

use super::attempt::{Input, Start};

/// Steps are not sent to other queues yet. Running it here would break what the call asks for: it waits for a person.
pub(super) fn elsewhere(start: &Start, queue: &Queue) -> Input {
    Input::Unfit(Parked::Limit {
        message: format!(
            "step `{}` asks for queue `{queue}`, which this worker does not listen on, and steps are not sent to other \
             queues yet: let the worker listen on it (PITON_QUEUES), or take the queue off the call, then resume",
            start.key
        ),
    })
}

/// This worker has no such function.
pub(super) fn lacks(start: &Start) -> Input {
    Input::Unfit(Parked::Unregistered { name: start.function.clone().into_owned() })
}
