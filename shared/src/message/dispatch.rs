//! Work that is given away: a step of a run, or an item of a batch, executed by whichever worker has room.
//!
//! Its row is fenced by a hold of its own and never by the run's epoch: the run may be suspended, queued and resumed
//! meanwhile.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    failure::Failure,
    ids::{Epoch, HoldId, RunId, WorkerId},
    journal::{Outcome, Payload, StepKey},
    message::claim::HandBackReason,
    name::Queue,
    replay::StepOptions,
    time::Timestamp,
};

/// Names work that was given away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DispatchId {
    /// The run it is part of.
    pub run: RunId,
    /// The step, or the batch.
    pub key: StepKey,
    /// Zero for a step; items of a batch count from 1.
    pub item: u32,
}

impl DispatchId {
    /// The key that the function sees: the step's own, `batch#1/7` for the seventh item of a batch.
    pub fn step_key(&self) -> StepKey {
        if self.item == 0 { self.key.clone() } else { self.key.item(self.item) }
    }

    /// One token of a subject: keys hold characters that a token may not.
    pub fn token(&self) -> String {
        let hash = Sha256::new().chain_update(self.item.to_be_bytes()).chain_update(self.key.as_str()).finalize();
        let head = hash.first_chunk().map_or(0, |head| u128::from_be_bytes(*head));
        format!("{}-{head:032x}", self.run)
    }
}

impl fmt::Display for DispatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.step_key())
    }
}

/// A step to be given away, with the append that asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewDispatch {
    /// The step.
    pub key: StepKey,
    /// The function's wire name.
    pub function: String,
    /// What it is called with.
    #[serde(with = "crate::codec::bytes")]
    pub input: Payload,
    /// Which workers execute it; those of the run's queue if none is named.
    pub queue: Option<Queue>,
    /// How it is executed; [`StepOptions::queue`] plays no part here.
    pub terms: StepOptions,
    /// Tries that failed before it was given away, where a holder of the run executed it.
    #[serde(default)]
    pub failed_tries: u32,
    /// The number of its next try: higher than that of every try before.
    #[serde(default = "first_try")]
    pub next_try: u32,
    /// When its first try began, if there was one that failed.
    #[serde(default)]
    pub first_started_at: Option<Timestamp>,
}

fn first_try() -> u32 {
    1
}

/// Says in the work queue that work was published. Everything else comes with the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTask {
    /// The work.
    pub dispatch: DispatchId,
    /// The publish this message belongs to; a claim with an older one is refused.
    pub epoch: Epoch,
}

impl StepTask {
    /// The message id by which the stream drops a repeated publish of the same epoch.
    pub fn message_id(&self) -> String {
        format!("{}/{}", self.dispatch.token(), self.epoch)
    }
}

/// One request a pull: all the dispatched work that the worker was delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimSteps {
    /// Who asks.
    pub worker: WorkerId,
    /// The work asked for.
    pub asks: Vec<StepAsk>,
}

/// Work asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAsk {
    /// The work.
    pub dispatch: DispatchId,
    /// The publish that told the worker of it.
    pub epoch: Epoch,
    /// Fresh for every delivery; asking again with the same one is answered the same.
    pub hold: HoldId,
}

/// The answers to [`ClaimSteps`], one for each ask, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimedSteps {
    /// The newest control that the granting statement saw.
    pub control_version: i64,
    /// One answer an ask.
    pub answers: Vec<StepAnswer>,
}

/// What a claim of dispatched work came to. Whatever it is, the message that led to it is spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StepAnswer {
    /// The worker holds it.
    Granted(Box<StepGrant>),
    /// Another publish counts, another worker holds it, it is done, or its run ended or is paused.
    Stale,
}

/// Dispatched work in a worker's hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepGrant {
    /// The work.
    pub dispatch: DispatchId,
    /// The publish it was claimed by; with the try's number the token by which others may fence it.
    pub epoch: Epoch,
    /// The fencing token of this hold.
    pub hold: HoldId,
    /// The function's wire name.
    pub function: String,
    /// The input, or none when it has to be read apart because this message was full.
    #[serde(with = "crate::codec::optional_bytes")]
    pub input: Option<Payload>,
    /// How it is executed.
    pub terms: StepOptions,
    /// The number of the try that begins now, from 1.
    pub try_number: u32,
    /// Tries that failed before.
    pub failed_tries: u32,
    /// When its first try began, if there was one.
    pub first_started_at: Option<Timestamp>,
    /// Trace context of the run, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// What became of dispatched work, as much as one request carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Who executed it.
    pub worker: WorkerId,
    /// At most one for each piece of work.
    pub ends: Vec<StepEnd>,
}

/// What became of one piece of dispatched work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepEnd {
    /// The work.
    pub dispatch: DispatchId,
    /// The hold it was executed under.
    pub hold: HoldId,
    /// How it ended.
    pub ending: StepEnding,
}

/// How a hold on dispatched work ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StepEnding {
    /// The last try ended: this is the step's outcome.
    Done {
        /// The outcome.
        #[serde(with = "crate::codec::outcome")]
        outcome: Outcome,
        /// Which try it was.
        try_number: u32,
        /// When it began.
        started_at: Timestamp,
        /// When it ended.
        finished_at: Timestamp,
    },
    /// A try failed and another follows.
    Again {
        /// Why it failed.
        failure: Failure,
        /// Which try it was.
        try_number: u32,
        /// When it began.
        started_at: Timestamp,
        /// When it ended.
        finished_at: Timestamp,
        /// How long to wait, from the commit on.
        after: Duration,
    },
    /// It was not executed to an end here and goes to another, without a strike.
    Returned {
        /// Why.
        reason: HandBackReason,
    },
}

/// The answers to [`Finish`], one each, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// One answer an end.
    pub answers: Vec<FinishAnswer>,
}

/// What an end came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FinishAnswer {
    /// It is in Postgres.
    Accepted,
    /// This hold no longer counts: drop it.
    Fenced,
    /// It can never be written.
    Invalid {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid_v7;

    #[test]
    fn a_token_is_one_token_and_tells_work_apart() {
        let run = RunId::new(uuid_v7(1, [0; 10]));
        let step = DispatchId { run, key: StepKey::new("parallel#1/0/a.b#1"), item: 0 };
        let item = DispatchId { item: 7, ..step.clone() };
        assert!(step.token().chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{}", step.token());
        assert_ne!(step.token(), item.token());
        assert_eq!(item.step_key().as_str(), "parallel#1/0/a.b#1/7");
        assert_eq!(step.step_key().as_str(), "parallel#1/0/a.b#1");
    }
}
