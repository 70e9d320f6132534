//! Failures as they are journaled and shown.

use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};

use crate::{limits, text::cut};

/// Why a try, a step or a run failed, and whether another try may help.
///
/// Travels and is stored; made from any error by `From`. It is not itself an [`std::error::Error`], or that
/// conversion would overlap with `From<T> for T` (anyhow's error makes the same choice).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong, for people.
    pub message: String,
    /// The causes below it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// What kind of failure this is.
    #[serde(default)]
    pub cause: Cause,
    /// Whether another try may help.
    #[serde(default)]
    pub retry: Retry,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The code returned an error.
    #[default]
    Error,
    /// The code panicked.
    Panic,
    /// The try or the step took longer than it may.
    Timeout,
    /// The run was asked to stop.
    Cancelled,
}

/// Whether another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It may.
    #[default]
    Retryable,
    /// It will not: give up at once.
    Permanent,
}

/// What `?` makes a [`Failure`] of.
pub type BoxError = Box<dyn Error + Send + Sync>;

impl Failure {
    /// A failure that another try may mend.
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            message: cut(&message.to_string(), limits::FAILURE_MESSAGE_BYTES),
            chain: Vec::new(),
            cause: Cause::Error,
            retry: Retry::Retryable,
        }
    }

    /// A failure that no other try will mend: the step gives up at once.
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { retry: Retry::Permanent, ..Self::new(message) }
    }

    /// The try or the step took longer than it may.
    pub fn timeout(message: impl fmt::Display) -> Self {
        Self { cause: Cause::Timeout, ..Self::new(message) }
    }

    /// The code panicked.
    pub fn panic(message: impl fmt::Display) -> Self {
        Self { cause: Cause::Panic, ..Self::new(message) }
    }

    /// The run was asked to stop.
    pub fn cancelled() -> Self {
        Self { cause: Cause::Cancelled, ..Self::permanent("the run was cancelled") }
    }

    /// The same failure, given up on at once.
    #[must_use]
    pub fn into_permanent(self) -> Self {
        Self { retry: Retry::Permanent, ..self }
    }

    /// The same failure under a sentence that says what was being done.
    #[must_use]
    pub fn context(mut self, message: impl fmt::Display) -> Self {
        let below = std::mem::replace(&mut self.message, cut(&message.to_string(), limits::FAILURE_MESSAGE_BYTES));
        self.chain.insert(0, below);
        self.chain.truncate(limits::FAILURE_CHAIN);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.chain.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// Takes any error, with its causes. A [`StepError`] among them makes the failure permanent and keeps its cause: the
/// step has had its tries.
impl<E: Into<BoxError>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: BoxError = error.into();
        if let Some(step) = error.downcast_ref::<StepError>() {
            return step.failure().into_permanent();
        }
        let mut failure = Self::new(&error);
        let mut next = error.source();
        while let Some(source) = next {
            if let Some(ending) = source.downcast_ref::<Ending>() {
                // The step's error stood above, in a wrapper that hides its type.
                (failure.cause, failure.retry) = (ending.cause(), Retry::Permanent);
                break;
            }
            if let Some(step) = source.downcast_ref::<StepError>() {
                let below = step.failure();
                failure.chain.push(below.message);
                failure.chain.extend(below.chain);
                (failure.cause, failure.retry) = (below.cause, Retry::Permanent);
                break;
            }
            if failure.chain.len() == limits::FAILURE_CHAIN {
                break;
            }
            failure.chain.push(cut(&source.to_string(), limits::FAILURE_MESSAGE_BYTES));
            next = source.source();
        }
        failure.chain.truncate(limits::FAILURE_CHAIN);
        failure
    }
}

/// How a call ended that did not succeed, after all its tries. What the workflow gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepError {
    /// The last try returned an error.
    Failed(Failure),
    /// The last try, or the whole step, took longer than it may.
    TimedOut(Failure),
    /// The last try panicked.
    Panicked(Failure),
    /// The run was asked to stop while the call was open.
    Cancelled,
}

impl StepError {
    /// The failure as it is journaled.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Failed(failure) | Self::TimedOut(failure) | Self::Panicked(failure) => failure.clone(),
            Self::Cancelled => Failure::cancelled(),
        }
    }

    fn ending(&self) -> &'static Ending {
        match self {
            Self::Failed(_) => &Ending::Failed,
            Self::TimedOut(_) => &Ending::TimedOut,
            Self::Panicked(_) => &Ending::Panicked,
            Self::Cancelled => &Ending::Cancelled,
        }
    }
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        match failure.cause {
            Cause::Error => Self::Failed(failure),
            Cause::Timeout => Self::TimedOut(failure),
            Cause::Panic => Self::Panicked(failure),
            Cause::Cancelled => Self::Cancelled,
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) | Self::TimedOut(failure) | Self::Panicked(failure) => failure.fmt(f),
            Self::Cancelled => f.write_str("the run was cancelled"),
        }
    }
}

impl Error for StepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.ending())
    }
}

/// Stands below every [`StepError`] as its source, so that it is recognised where a wrapper hides the error's type.
#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error("the step failed for good")]
    Failed,
    #[error("the step ran out of time")]
    TimedOut,
    #[error("the step's function panicked")]
    Panicked,
    #[error("the workflow was asked to stop")]
    Cancelled,
}

impl Ending {
    fn cause(&self) -> Cause {
        match self {
            Self::Failed => Cause::Error,
            Self::TimedOut => Cause::Timeout,
            Self::Panicked => Cause::Panic,
            Self::Cancelled => Cause::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("layer {depth}")]
    struct Layer {
        depth: usize,
        #[source]
        below: Option<BoxError>,
    }

    fn layers(depth: usize, bottom: Option<BoxError>) -> Layer {
        (1..depth).fold(Layer { depth: 0, below: bottom }, |below, depth| Layer { depth, below: Some(below.into()) })
    }

    #[test]
    fn any_error_becomes_a_failure_with_its_chain() {
        fn parse() -> Result<u8, Failure> {
            Ok("x".parse::<u8>()?)
        }
        assert_eq!(parse(), Err(Failure::new("invalid digit found in string")));
        assert_eq!(Failure::from("text"), Failure::new("text"));
        assert_eq!(Failure::from(anyhow::anyhow!("below").context("above")).chain, ["below"]);
        let boxed: BoxError = "boxed".into();
        assert_eq!(Failure::from(boxed).to_string(), "boxed");
    }

    #[test]
    fn chain_and_message_are_bounded() {
        let failure = Failure::from(layers(40, None));
        assert_eq!(failure.message, "layer 39");
        assert_eq!(failure.chain.len(), limits::FAILURE_CHAIN);
        let long = Failure::new("ü".repeat(limits::FAILURE_MESSAGE_BYTES));
        assert!(long.message.len() < limits::FAILURE_MESSAGE_BYTES + 64);
    }

    #[test]
    fn a_steps_error_stays_permanent_and_keeps_its_cause() {
        let declined = Failure { chain: vec!["card expired".into()], ..Failure::new("declined") };
        let error = StepError::from(declined.clone());
        assert_eq!(error, StepError::Failed(declined.clone()));
        assert_eq!(Failure::from(error.clone()), declined.clone().into_permanent());

        let below = Failure::from(layers(2, Some(error.clone().into())));
        assert_eq!(below.retry, Retry::Permanent);
        assert_eq!(below.chain, ["layer 0", "declined", "card expired"]);

        let hidden = Failure::from(anyhow::Error::new(error.clone()));
        assert_eq!((hidden.message.as_str(), hidden.retry), ("declined: card expired", Retry::Permanent));
        let within = Failure::from(anyhow::Error::new(error).context("charging"));
        assert_eq!((within.message.as_str(), within.retry), ("charging", Retry::Permanent));
        assert!(within.chain.iter().any(|cause| cause.contains("declined")), "{within:?}");
    }

    #[test]
    fn every_ending_is_recognised_through_a_wrapper() {
        for failure in [Failure::timeout("slow"), Failure::panic("index"), Failure::cancelled(), Failure::new("no")] {
            let error = StepError::from(failure.clone());
            assert_eq!(error.failure().cause, failure.cause);
            let hidden = Failure::from(anyhow::Error::new(error));
            assert_eq!((hidden.cause, hidden.retry), (failure.cause, Retry::Permanent));
        }
    }
}
