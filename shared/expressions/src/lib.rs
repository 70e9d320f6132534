//! Filters and inputs of triggers, as CEL expressions over events.
//!
//! An [`Expression`] is compiled and checked when its trigger is made: what it names must be there, and it must be small. It is
//! evaluated over an [`EventScope`], whose one variable is `event`. Whatever the expression and the event are, nothing here
//! panics, and nothing runs or grows beyond a bound: what an evaluation can cost at most is estimated from the expression
//! and the event's size before it begins.
//!
//! What an event comes to under the triggers that mean it is decided here as well ([`decide`]): by the scheduler for events
//! that are published, and by the test engine for those of tests, in the same words.

mod compile;
mod cost;
mod decide;
mod evaluate;
mod kinds;
mod language;
mod literals;
mod names;
mod rules;
mod scope;
mod seen;
mod stack;
mod value;

pub use compile::{Expression, ExpressionError};
pub use decide::{Candidate, Decided, Deciding, Decision, Standing, decide};
pub use evaluate::EvaluationError;
pub use rules::{Refusal, Rules, Takes};
pub use scope::EventScope;
pub use seen::{Facts, Seen};
pub use stack::{DeepStack, on_deep_stack};
