//! Triggers: what starts a workflow by itself when an event comes.

mod check;

pub use check::check;
