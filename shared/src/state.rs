//! The states of a run.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a run stands. `ARCHITECTURE.md` draws what leads from each to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Accepted; waits for room, a limit or its start time.
    Backlog,
    /// Published, not yet claimed.
    Queued,
    /// An attempt holds it.
    Running,
    /// Waits for something from outside; nobody holds it.
    Suspended,
    /// Needs a person: the reason is on it.
    Parked,
    /// Ended with a result.
    Completed,
    /// Ended with a failure.
    Failed,
    /// Ended because somebody asked and the workflow agreed.
    Cancelled,
    /// Ended by force.
    Killed,
}

/// Whether a state is ever left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// The run goes on.
    Live,
    /// Never left.
    Terminal,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 9] = [
        Self::Backlog,
        Self::Queued,
        Self::Running,
        Self::Suspended,
        Self::Parked,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Killed,
    ];

    /// The word used in the database, the API and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
        }
    }

    /// Whether the state is ever left.
    pub const fn finality(self) -> Finality {
        match self {
            Self::Backlog | Self::Queued | Self::Running | Self::Suspended | Self::Parked => Finality::Live,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Killed => Finality::Terminal,
        }
    }

    /// True when the state is never left.
    pub const fn is_terminal(self) -> bool {
        matches!(self.finality(), Finality::Terminal)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no state of a run: use backlog, queued, running, suspended, parked, completed, failed, cancelled or killed"
)]
pub struct UnknownState(pub String);

impl FromStr for RunState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_agree_with_serde() {
        for state in RunState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).expect("a unit variant encodes"), state.as_str());
        }
        assert!("done".parse::<RunState>().is_err());
    }
}
