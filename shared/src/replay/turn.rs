//! What a machine says after it was told something.

use serde::{Deserialize, Serialize};

use super::call::Request;
use crate::{
    failure::Failure,
    journal::{Payload, Place, StepKey},
    parked::Parked,
};

/// Where a workflow stands after it was polled to a standstill.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// It waits. The requests are what is new since the last turn, in the order in which they were made; calls that
    /// were asked for earlier stay open.
    Waiting(Vec<Request>),
    /// It ended. Whatever is still open is nobody's.
    Ended(Result<Payload, Failure>),
    /// It needs a person. Nothing more comes of this machine.
    Parked(Parked),
}

/// The numbers of the last rows a machine was told; zero for none. The next row is numbered from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The last row written by an attempt.
    pub own: u32,
    /// The last row from outside.
    pub outside: u32,
}

impl Told {
    /// The place of the next row that an attempt writes.
    pub fn next_own(self) -> Place {
        Place::Own { number: self.own + 1, after: self.outside }
    }
}

/// A row that the machine was not told. Nothing changed: the machine goes on when it is told the right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Rows are missing before this one: read them from the journal first.
    #[error("the row at {place:?} does not follow own row {} and outside row {}", told.own, told.outside)]
    OutOfOrder {
        /// The row's place.
        place: Place,
        /// What was told so far.
        told: Told,
    },
    /// Another row answered this call before.
    #[error("`{key}` was answered before")]
    Answered {
        /// The call.
        key: StepKey,
    },
    /// Something is read that no row holds, and every replay must see it before this row.
    #[error("fetch {fetch} is open: supply it before the next row")]
    Fetching {
        /// The fetch's id.
        fetch: u64,
    },
}
