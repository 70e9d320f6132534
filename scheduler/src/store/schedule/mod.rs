//! Schedules and what they fired.

mod declare;

pub use declare::declare;
