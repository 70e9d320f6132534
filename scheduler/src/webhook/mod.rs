//! Webhooks: who sent this, is it new, and what comes of it?
//!
//! The signature is the only access there is. A delivery is judged by a pure function (`judge`); what has to be published is
//! on record first, and settled after: see [`Hooks::receive`].

mod arrived;
mod gate;
mod judge;
mod receive;
mod record;
mod verdict;

pub use arrived::Arrived;
pub use receive::{Hooks, ReceiveError, Received};
pub use verdict::{EndpointState, UnknownVerdict, Verdict};
