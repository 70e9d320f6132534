//! The pure values of Piton: what scheduler and worker agree on.
//!
//! Nothing here reads a clock, draws a random number, opens a socket or spawns a task: `now` and randomness
//! come in as arguments, effects go out as values. That is what makes replay, retries and limits testable by
//! tables, and it is kept so by this crate's dependencies and by `clippy.toml` beside it.

pub mod codec;
pub mod failure;
pub mod history;
pub mod ids;
pub mod journal;
pub mod limits;
pub mod message;
pub mod name;
pub mod parked;
pub mod replay;
pub mod retry;
pub mod state;
pub mod subject;
pub mod text;
pub mod time;
pub mod trigger;
