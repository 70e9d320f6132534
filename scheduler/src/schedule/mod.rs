//! Schedules: runs that the clock starts.

mod check;

pub use check::check;
