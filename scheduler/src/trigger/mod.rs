//! Triggers: what starts a workflow by itself when an event comes.
//!
//! `set` keeps an org's triggers compiled, `decide` says what an event comes to under them: both are values in, values out.
//! Who asks them, and writes down what they say, is [`crate::event`].

mod check;
mod decide;
mod set;

pub use check::{Part, check, faults};
pub use decide::{Decided, Deciding, Decision, KnownWorkflows, Progress};
pub use set::{Compiled, TriggerSet};
