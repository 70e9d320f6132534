//! Making results durable.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    journal::{Entry, Kind, Payload, StepKey},
    message::{
        batch::BatchItems,
        dispatch::NewDispatch,
        state::{StateValue, StateWrite},
    },
    parked::Parked,
    time::Timestamp,
};

/// What a worker has collected since its last request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appends {
    /// Who writes.
    pub worker: WorkerId,
    /// At most one for each run.
    pub appends: Vec<Append>,
}

/// What one run has to say, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Append {
    /// The run.
    pub run: RunId,
    /// The hold it is written under.
    pub attempt: AttemptId,
    /// Counts the appends of this attempt that change more than rows, from 1; such a one is written once,
    /// however often it is sent. Zero for rows alone, whose keys say as much.
    pub number: u32,
    /// Results, numbered by the attempt.
    pub rows: Vec<Entry>,
    /// Tries that failed and will be followed by another.
    pub failed_tries: Vec<FailedTry>,
    /// Timers to set.
    pub waits: Vec<NewWait>,
    /// Calls that nobody waits for any longer: timers, dispatched steps, batches.
    pub withdrawn: Vec<StepKey>,
    /// Steps to be given away.
    pub dispatches: Vec<NewDispatch>,
    /// Items of batches.
    pub batches: Vec<BatchItems>,
    /// A write of state, with the row that answers it as the last of [`Append::rows`].
    pub state: Option<StateWrite>,
    /// What becomes of the run. Written only if every row was inserted.
    pub next: Next,
}

/// What becomes of a run after an append.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// The attempt goes on.
    GoOn,
    /// The run leaves memory until something from outside comes. Refused if more came than was seen.
    Suspend {
        /// Rows from outside that the attempt was told.
        seen_outside: u32,
    },
    /// It ended with a result.
    Complete(#[serde(with = "crate::codec::bytes")] Payload),
    /// It ended with a failure.
    Fail(Failure),
    /// It ended because it was asked to.
    Cancel(Failure),
    /// It needs a person.
    Park(Parked),
}

/// A try that failed, for the timeline and for the count of tries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedTry {
    /// The step.
    pub key: StepKey,
    /// Which try, from 1.
    pub try_number: u32,
    /// The function.
    pub name: String,
    /// Why.
    pub failure: Failure,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// A timer to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewWait {
    /// The call that waits, or the note that a try may begin ([`StepKey::retry`]).
    pub key: StepKey,
    /// [`Kind::Sleep`] or [`Kind::Retry`].
    pub kind: Kind,
    /// The timer's name, or the function whose try waits.
    pub name: String,
    /// The call's input, copied to the row that answers it.
    #[serde(with = "crate::codec::bytes")]
    pub input: Payload,
    /// How long from the commit on; the database's clock decides.
    pub after: Duration,
}

/// The answers to [`Appends`], one each, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appended {
    /// One answer an append.
    pub answers: Vec<AppendAnswer>,
}

/// What an append came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AppendAnswer {
    /// It is in Postgres.
    Accepted,
    /// The attempt no longer holds the run: drop everything of it.
    Fenced,
    /// Other results stand at these keys; what was computed by running ahead was not written. Drop the future
    /// and replay with the winners.
    Superseded,
    /// The run was not suspended, because more came from outside than was seen.
    Overtaken {
        /// The rows from outside that were not seen, in their order.
        outside: Vec<Entry>,
    },
    /// The state was written by somebody else meanwhile. Nothing of this append was written.
    Conflict {
        /// What stands there now.
        current: StateValue,
    },
    /// This append can never be written.
    Invalid {
        /// Why.
        reason: String,
    },
}
