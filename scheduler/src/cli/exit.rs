//! What the exit code says.

use std::process::ExitCode;

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// The run that was waited for failed, or was cancelled or killed; or a check found a problem.
    RunFailed = 1,
    /// The command was not understood.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The server refused: no key, a conflict, or a value it does not take.
    Refused = 4,
    /// The server, or what it stands on, is away.
    Unavailable = 5,
    /// The run that was waited for still goes on.
    StillRunning = 6,
}

/// For `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the run that was waited for failed, or was cancelled or killed; or a check found a problem
  2  the command was not understood
  3  there is no such run, key or address
  4  refused: no API key, a conflict, or a value that is not taken
  5  unavailable: the server cannot be reached, or the database is away
  6  the run that was waited for still goes on";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
