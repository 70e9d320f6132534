//! Evaluating an expression over an event, within bounds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{ExecutionError, Value as Cel};
use piton_shared::limits::{PAYLOAD_BYTES, PAYLOAD_DEPTH};
use serde_json::Value;

use crate::{
    compile::Expression,
    cost::most_work,
    scope::EventScope,
    value::{NoJson, to_json},
};

/// Work that one evaluation may take: some tenths of a second at the very worst, and far less for what people write.
const WORK: u64 = 1_000_000;
/// Values that a result may have.
const RESULT: u64 = PAYLOAD_BYTES as u64 / 8;

/// Why an expression came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The event lacks something that is asked for.
    #[error("the event has no {0}; ask `has(…)` before, if it may be missing")]
    Missing(String),
    /// The event is too large for an expression that goes over it so often.
    #[error(
        "the expression could take too long over an event of this size: it goes through a list for each element of a list, or builds ever larger values"
    )]
    TooMuch,
    /// It cannot be computed.
    #[error("the expression cannot be computed: {0}")]
    Failed(String),
    /// A filter that is neither true nor false.
    #[error("the filter came to {0}, and has to come to true or false")]
    NotATruth(&'static str),
    /// A result that JSON does not have.
    #[error("the expression made {0}, which is no JSON")]
    NotJson(&'static str),
    /// A result that no input can be.
    #[error("the expression made a value that is larger than {PAYLOAD_BYTES} bytes or nested too deeply")]
    TooLarge,
}

impl Expression {
    /// Whether a filter lets an event through.
    ///
    /// # Errors
    /// [`EvaluationError::Missing`] where the event is not of the kind that the filter is about; anything else is a mistake in the
    /// filter.
    pub fn holds(&self, scope: &EventScope) -> Result<bool, EvaluationError> {
        let made = self.evaluate(scope)?;
        if let Cel::Bool(truth) = made { Ok(truth) } else { Err(EvaluationError::NotATruth(kind(&made))) }
    }

    /// What an expression makes of an event.
    ///
    /// # Errors
    /// Says why it makes nothing.
    pub fn input(&self, scope: &EventScope) -> Result<Value, EvaluationError> {
        let made = self.evaluate(scope)?;
        to_json(&made, &mut { RESULT }, PAYLOAD_DEPTH).map_err(|wrong| match wrong {
            NoJson::Kind(kind) => EvaluationError::NotJson(kind),
            NoJson::TooLarge => EvaluationError::TooLarge,
        })
    }

    fn evaluate(&self, scope: &EventScope) -> Result<Cel, EvaluationError> {
        if most_work(self.program.expression(), scope.size) > WORK {
            return Err(EvaluationError::TooMuch);
        }
        // The interpreter is somebody else's: should it panic over something, that is a failed evaluation and nothing more.
        catch_unwind(AssertUnwindSafe(|| self.program.execute(&scope.context)))
            .map_err(|_| EvaluationError::Failed("the interpreter gave up".into()))?
            .map_err(failed)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors, of which there will be more")]
fn failed(error: ExecutionError) -> EvaluationError {
    match error {
        ExecutionError::NoSuchKey(key) => EvaluationError::Missing(cut(&format!("`{key}`"))),
        ExecutionError::IndexOutOfBounds(index) => EvaluationError::Missing(cut(&format!("element {}", shown(&index)))),
        ExecutionError::NoSuchOverload(error) => match (error.function().trim_matches('_'), error.argument_types()) {
            // A member of what is null, or otherwise no object, is missing like any other.
            (".", [of, ..]) => EvaluationError::Missing(format!("such member: `{of}` has none")),
            (function, types) => EvaluationError::Failed(unfit(function, &types.join(" and "))),
        },
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let operator = match operator {
                "add" => "+",
                "sub" => "-",
                "mul" => "*",
                "div" => "/",
                "rem" => "%",
                other => other,
            };
            EvaluationError::Failed(unfit(operator, &format!("{} and {}", kind(&left), kind(&right))))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            EvaluationError::Failed("a division by zero".into())
        }
        ExecutionError::Overflow(..) => EvaluationError::Failed("a number is too large".into()),
        other => EvaluationError::Failed(cut(&other.to_string())),
    }
}

fn unfit(function: &str, types: &str) -> String {
    cut(&format!("`{function}` does not take {types}; convert by `int()`, `double()` or `string()`"))
}

fn shown(index: &Cel) -> String {
    if let Cel::Int(int) = index { int.to_string() } else { kind(index).to_owned() }
}

/// Messages may quote what they are about.
fn cut(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn kind(value: &Cel) -> &'static str {
    match value {
        Cel::Null => "null",
        Cel::Bool(_) => "a truth",
        Cel::Int(_) => "an int",
        Cel::UInt(_) => "a uint",
        Cel::Float(_) => "a double",
        Cel::String(_) => "a text",
        Cel::List(_) => "a list",
        Cel::Map(_) => "an object",
        Cel::Bytes(_) => "bytes",
        Cel::Timestamp(_) => "a time",
        Cel::Duration(_) => "a duration",
        Cel::Function(..) | Cel::Opaque(_) | Cel::Struct(_) => "something else",
    }
}

#[cfg(test)]
mod tests;
