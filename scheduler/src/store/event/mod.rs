//! Events, as they are kept.

mod accept;
mod looking;
mod read;
mod row;

pub use accept::{Accepting, Came};
pub use looking::{CameOf, CameTo, Looking, Refused, Taken};
pub use read::{EventFilter, EventOutcome, EventResult};
pub use row::EventRow;
pub(super) use row::provider;
