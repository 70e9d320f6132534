//! Why a run needs a person.

use serde::{Deserialize, Serialize};

use crate::journal::StepKey;

/// The reason that stands on a parked run: a code, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Parked {
    /// The code asks for something else than the journal has.
    #[error("the workflow's code does not ask for what the journal has at `{key}`: recorded {recorded}, asked {asked}")]
    Mismatch {
        /// Where they part.
        key: StepKey,
        /// What the journal has there.
        recorded: String,
        /// What the code asked for there.
        asked: String,
    },
    /// A recorded value cannot be read by today's type.
    #[error("the value recorded at `{key}` cannot be read by today's type: {message}")]
    Undecodable {
        /// Which value; `input` for the run's own.
        key: StepKey,
        /// What the decoder said.
        message: String,
    },
    /// The workflow's own code panicked.
    #[error("the workflow panicked: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// The workflow waits on something that no replay could repeat.
    #[error("the workflow awaits something that is not durable{}: await only what its context offers", after.as_ref().map(|key| format!(" (after `{key}`)")).unwrap_or_default())]
    ForeignAwait {
        /// The last call that was answered before, if any.
        after: Option<StepKey>,
    },
    /// A bound of the engine was reached by the workflow's code.
    #[error("the workflow reached a limit: {message}")]
    Limit {
        /// Which, and how to stay below it.
        message: String,
    },
    /// The worker has no such workflow or function.
    #[error("no worker here has `{name}`: register it, or start a worker that has it")]
    Unregistered {
        /// The wire name asked for.
        name: String,
    },
    /// Leases of workers ended too often while they held the run, or a step of it that was given away.
    #[error("a worker's lease ended {strikes} times in a row while it held {}", step.as_ref().map_or_else(|| "the run".to_owned(), |key| format!("`{key}`, which was given away")))]
    Poison {
        /// How often.
        strikes: u32,
        /// The step, or the item of a batch; none for the run itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepKey>,
    },
}
