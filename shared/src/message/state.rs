//! State that outlives a step: of a run, and of a session across its runs.

use serde::{Deserialize, Serialize};

use crate::journal::Payload;

/// Whose state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateScope {
    /// The run's own: gone when it ends.
    Run,
    /// The session's, shared by all its runs. A run that was started without one is a session of its own.
    Session,
}

impl StateScope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Run, Self::Session];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Session => "session",
        }
    }
}

/// A value with the number of its last write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateValue {
    /// The value; none where nothing was written or it was deleted.
    #[serde(with = "crate::codec::optional_bytes")]
    pub value: Option<Payload>,
    /// Counts its writes; zero where nothing ever was written.
    pub version: i64,
}

/// A write of state. It travels as the only one of its append, whose last row answers the call that asked for it, and
/// either both are written or neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateWrite {
    /// Whose state.
    pub scope: StateScope,
    /// Under which name.
    pub name: String,
    /// The new value, or none to delete it.
    #[serde(with = "crate::codec::optional_bytes")]
    pub value: Option<Payload>,
    /// The version it was computed from; any other one is a conflict.
    pub expected: i64,
}
