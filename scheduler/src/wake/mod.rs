//! Waking what waits: runs by timers and cancels, callers by ends.

mod teller;
mod timers;
mod waiters;

pub use teller::Teller;
pub use timers::{TimerLoop, Timers};
pub use waiters::{End, Ends, Waiters, Waiting};
