//! Why a run did not end with a result.

use std::time::Duration;

use piton_shared::{failure::Failure, parked::Parked};

/// Why a run under the test engine did not end with a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The workflow ended with a failure.
    #[error("the workflow failed: {0}")]
    Failed(Failure),
    /// It was cancelled, and the workflow agreed.
    #[error("the run was cancelled: {0}")]
    Cancelled(Failure),
    /// It was killed.
    #[error("the run was killed")]
    Killed,
    /// It needs a person.
    #[error("the run is parked: {0}")]
    Parked(Parked),
    /// It calls a function that the engine does not know.
    #[error(
        "the workflow calls `{function}`, which this engine does not know: register it with `.register({function})`, or \
         script it with `engine.on({function})`"
    )]
    Unregistered {
        /// The function's wire name.
        function: String,
    },
    /// A function takes a resource that was not given.
    #[error(
        "function `{function}` takes `Resource<{resource}>`, which was not given: add it with `.resource(…)`, or script \
         the function with `engine.on(…)`"
    )]
    ResourceMissing {
        /// The function's wire name.
        function: String,
        /// The type that is missing.
        resource: &'static str,
    },
    /// Nothing that it waits for will ever come.
    #[error(
        "the run waits for ever, for {}: give the call a timeout, or script a function that ends{}", 
        .waits_for.join(", "), patience_note(.patience)
    )]
    WaitsForEver {
        /// What it waits for, by step key.
        waits_for: Vec<String>,
        /// How long functions that wait for something real were waited for.
        patience: Duration,
    },
    /// The run ended, but its own journal does not lead to that end.
    #[error(
        "the workflow is not deterministic: replayed from its journal it does not end as it did. {difference}; take time, \
         randomness and ids from its context, and keep to one order (a `HashMap` has none)"
    )]
    NotDeterministic {
        /// Where they part.
        difference: String,
    },
    /// Its result cannot be read as what the workflow returns.
    #[error("the result cannot be read as the workflow's type: {0}")]
    Result(String),
    /// A start with this idempotency key was made before, and was another.
    #[error("idempotency key `{key}` belongs to a run that was started otherwise")]
    KeyTaken {
        /// The key.
        key: String,
    },
}

impl RunError {
    /// The failure that the run ended with, if it ended with one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::Cancelled(failure) => Some(failure),
            Self::Killed
            | Self::Parked(_)
            | Self::Unregistered { .. }
            | Self::ResourceMissing { .. }
            | Self::WaitsForEver { .. }
            | Self::NotDeterministic { .. }
            | Self::Result(_)
            | Self::KeyTaken { .. } => None,
        }
    }

    /// Why it is parked, if it is.
    pub fn parked(&self) -> Option<&Parked> {
        match self {
            Self::Parked(reason) => Some(reason),
            Self::Failed(_)
            | Self::Cancelled(_)
            | Self::Killed
            | Self::Unregistered { .. }
            | Self::ResourceMissing { .. }
            | Self::WaitsForEver { .. }
            | Self::NotDeterministic { .. }
            | Self::Result(_)
            | Self::KeyTaken { .. } => None,
        }
    }
}

fn patience_note(patience: &Duration) -> String {
    format!(" (one that waits for something real has {patience:?}; `.patience(…)` gives it more)")
}
