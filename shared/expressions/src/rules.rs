//! What a trigger asks of an event and what it makes of it, with its expressions ready to be evaluated.

use piton_shared::{
    message::define::Parameter,
    trigger::{InputRule, Unbound, bind},
};
use serde_json::Value;

use crate::{EvaluationError, Expression, ExpressionError, Seen};

/// A trigger's filter and its rule for inputs. Compiled once and asked often; an expression that cannot be read says so to
/// each event.
#[derive(Debug)]
pub struct Rules {
    filter: Option<Result<Expression, String>>,
    input: Input,
}

#[derive(Debug)]
enum Input {
    ByName,
    Envelope,
    Expression(Result<Expression, String>),
}

type Compile = fn(&str) -> Result<Expression, ExpressionError>;

/// What a workflow takes, as far as somebody has said.
pub trait Takes {
    /// Its inputs.
    fn parameters(&self) -> &[Parameter];

    /// What is wrong with an input; nothing if it fits.
    fn faults(&self, input: &Value) -> Vec<String>;
}

/// Why an event that a trigger matches starts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The filter cannot be computed.
    #[error("{0}")]
    FilterFailed(String),
    /// The expression of the input cannot.
    #[error("{0}")]
    InputFailed(String),
    /// The event has nothing for some parameter.
    #[error(
        "{0}, which the workflow takes; publish it with the event, give the parameter a default, or make the input by an expression"
    )]
    Unbound(Unbound),
    /// The workflow does not take the input that was made.
    #[error("the workflow does not take this input: {}", .0.join("; "))]
    InvalidInput(Vec<String>),
    /// The input is larger or deeper than a payload may be.
    #[error("the input cannot be stored: {0}")]
    NoPayload(String),
}

/// Whether a filter lets an event through.
pub(crate) enum Filtered {
    Through,
    Out,
    /// The event is not of the kind that the filter is about.
    Lacking,
    Failed(Refusal),
}

impl Rules {
    /// Compiles what a trigger says.
    ///
    /// # Errors
    /// When the machine has no thread left to read an expression on. That says nothing of the expression, and must not be
    /// remembered of it.
    pub fn compile(filter: Option<&str>, input: &InputRule) -> Result<Self, ExpressionError> {
        Self::with((Expression::compile_filter, Expression::compile), filter, input)
    }

    /// Compiles what a trigger says that was accepted before, perhaps by a version that checked less.
    ///
    /// # Errors
    /// As [`Rules::compile`].
    pub fn compile_stored(filter: Option<&str>, input: &InputRule) -> Result<Self, ExpressionError> {
        Self::with((Expression::compile_stored, Expression::compile_stored), filter, input)
    }

    fn with(
        (of_filter, of_input): (Compile, Compile),
        filter: Option<&str>,
        input: &InputRule,
    ) -> Result<Self, ExpressionError> {
        let readable = |compiled| match compiled {
            Err(ExpressionError::Busy) => Err(ExpressionError::Busy),
            Err(error) => Ok(Err(error.to_string())),
            Ok(expression) => Ok(Ok(expression)),
        };
        Ok(Self {
            filter: filter.map(|source| readable(of_filter(source))).transpose()?,
            input: match input {
                InputRule::ByName => Input::ByName,
                InputRule::Envelope => Input::Envelope,
                InputRule::Expression(source) => Input::Expression(readable(of_input(source))?),
            },
        })
    }

    /// The part that cannot be read, `filter` or `input`, and why.
    pub fn unreadable(&self) -> Option<(&'static str, &str)> {
        match (&self.filter, &self.input) {
            (Some(Err(why)), _) => Some(("filter", why)),
            (_, Input::Expression(Err(why))) => Some(("input", why)),
            (Some(Ok(_)) | None, Input::Expression(Ok(_)) | Input::ByName | Input::Envelope) => None,
        }
    }

    pub(crate) fn filtered(&self, seen: &Seen<'_>) -> Filtered {
        match &self.filter {
            None => Filtered::Through,
            Some(Err(unreadable)) => {
                Filtered::Failed(Refusal::FilterFailed(format!("the filter cannot be read: {unreadable}")))
            }
            Some(Ok(filter)) => match filter.holds(&seen.scope) {
                Ok(true) => Filtered::Through,
                Ok(false) => Filtered::Out,
                Err(EvaluationError::Missing(_)) => Filtered::Lacking,
                Err(error) => Filtered::Failed(Refusal::FilterFailed(error.to_string())),
            },
        }
    }

    /// The input that it makes of an event, for a workflow of which this is known.
    pub(crate) fn input<K: Takes>(&self, seen: &Seen<'_>, known: Option<&K>) -> Result<Value, Refusal> {
        let input = match &self.input {
            Input::Envelope => seen.envelope(),
            Input::Expression(Err(unreadable)) => {
                return Err(Refusal::InputFailed(format!("the input's expression cannot be read: {unreadable}")));
            }
            Input::Expression(Ok(expression)) => {
                expression.input(&seen.scope).map_err(|error| Refusal::InputFailed(error.to_string()))?
            }
            Input::ByName => match known {
                // No worker has said what it takes: it gets what there is.
                None => seen.data().clone(),
                Some(known) => bind(known.parameters(), seen.provider(), seen.data()).map_err(Refusal::Unbound)?,
            },
        };
        let faults = known.map(|known| known.faults(&input)).unwrap_or_default();
        if faults.is_empty() { Ok(input) } else { Err(Refusal::InvalidInput(faults)) }
    }
}
