//! What starts workflows by itself, under the test engine: events, webhooks, the clock.
//!
//! Whether a trigger means an event, lets it through and finds an input in it is decided by the code that decides it in a
//! scheduler. `declared` has the triggers of an engine's workflows, `accept` takes an event once, `event`, `delivery` and
//! `fire` are the doors, `published` is what is told of it.

mod accept;
mod declared;
mod delivery;
mod error;
mod event;
mod fire;
mod published;

pub(super) use accept::Events;
pub use delivery::Delivery;
pub use error::{FireError, PublishError};
pub use event::{Event, Publish};
pub use fire::{Fire, Fired};
pub use published::{Novelty, Published, Refused};

use piton_shared::time::Timestamp;

/// A time as expressions and envelopes have it.
fn rfc3339(time: Timestamp) -> String {
    let micros = time.as_micros();
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => format!("{time:.6}"),
        // Beyond the year 9999 no such text exists.
        Err(_) => format!("{micros}us"),
    }
}
