//! Events, as they are kept.

mod accept;
mod looking;
mod read;
mod row;

pub use accept::{Accepting, Came};
pub use looking::{CameOf, CameTo, Looking, Matched, OwedEvent, Refused, Taking};
pub use read::{EventFilter, EventOutcome, EventResult};
pub use row::EventRow;
pub(super) use row::provider;
