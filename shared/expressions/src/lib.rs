//! Filters and inputs of triggers, as CEL expressions over events.
//!
//! An [`Expression`] is compiled and checked when its trigger is made: what it names must be there, and it must be small. It is
//! evaluated over an [`EventScope`], whose one variable is `event`. Whatever the expression and the event are, nothing here
//! panics, and nothing runs or grows beyond a bound: what an evaluation can cost at most is estimated from the expression
//! and the event's size before it begins.

mod compile;
mod cost;
mod evaluate;
mod names;
mod scope;
mod stack;
mod value;

pub use compile::{Expression, ExpressionError};
pub use evaluate::EvaluationError;
pub use scope::EventScope;
pub use stack::{DeepStack, on_deep_stack};
