//! Triggers, as they are kept.

mod declare;

pub use declare::declare;
