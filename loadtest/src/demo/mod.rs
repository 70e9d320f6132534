//! The demo: webhooks, events, the clock and a batch start runs, a worker and a scheduler are killed meanwhile, and everything is
//! looked up afterwards.

mod claims;
mod senders;
mod show;
mod story;

pub use story::{Ending, Telling, run};
