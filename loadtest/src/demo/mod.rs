//! The demo: orders are placed, a worker is killed while it charges customers, and everything is looked up afterwards.

mod claims;
mod story;

pub use story::{Ending, run};
