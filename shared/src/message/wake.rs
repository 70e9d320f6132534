//! What a scheduler tells a worker unasked. Hints all: whatever is lost is asked for again.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, HoldId, RunId},
    journal::Entry,
    message::{
        claim::Grant,
        dispatch::{DispatchId, StepGrant},
    },
};

/// A message to one worker, on its own subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Runs that were inserted already held by this worker, because it had room.
    Granted {
        /// The newest control that the granting statement saw.
        control_version: i64,
        /// The worker's last heartbeat that the scheduler had seen before that statement. The grants are good for
        /// [`limits::GRANT_VALID`](crate::limits::GRANT_VALID) after the worker sent it.
        #[serde(default)]
        heartbeat: u64,
        /// The runs.
        grants: Vec<Grant>,
    },
    /// Rows from outside for a run it holds.
    Wake {
        /// The run.
        run: RunId,
        /// The hold that is woken.
        attempt: AttemptId,
        /// The rows, in their order.
        entries: Vec<Entry>,
    },
    /// Dispatched work that is held by this worker already, because it had room.
    GrantedSteps {
        /// The newest control that the granting statement saw.
        control_version: i64,
        /// The worker's last heartbeat that the scheduler had seen before that statement, as in [`ToWorker::Granted`].
        #[serde(default)]
        heartbeat: u64,
        /// The work.
        grants: Vec<StepGrant>,
    },
    /// Dispatched work whose result nobody waits for any more: drop it, there is nothing to report.
    DropSteps {
        /// The work, by the holds under which it was given.
        steps: Vec<(DispatchId, HoldId)>,
    },
    /// A run that this worker has lost, though it lives: drop it, there is nothing to report.
    DropRun {
        /// The run.
        run: RunId,
        /// The hold that is lost.
        attempt: AttemptId,
    },
    /// A control to apply and to confirm with the next heartbeat, at once.
    Control(Control),
}

/// An order that takes effect in memory; versions of an org are in the order of their commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Its number.
    pub version: i64,
    /// The run it is about.
    pub run: RunId,
    /// What to do.
    pub action: Action,
}

/// What to do with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Drop it at once; start nothing of it any more.
    Kill,
    /// Start nothing of it any more; what is under way ends and is journaled.
    Pause,
    /// It may start things again.
    Unpause,
}

/// Asks a worker which of these it holds. What it does not know is requeued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// Runs that the database says it holds.
    pub runs: Vec<(RunId, AttemptId)>,
    /// Dispatched work that the database says it executes.
    pub steps: Vec<(DispatchId, HoldId)>,
}

/// The answer to [`Holding`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holds {
    /// Those it knows nothing of.
    pub unknown: Vec<(RunId, AttemptId)>,
    /// Dispatched work that it knows nothing of.
    pub unknown_steps: Vec<(DispatchId, HoldId)>,
}

/// Tells every scheduler that runs have ended, for those who wait for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The runs.
    pub runs: Vec<RunId>,
}
