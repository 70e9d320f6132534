//! Taking hold of runs, and giving them back.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttemptId, Epoch, RunId, WorkerId},
    journal::{Entry, Payload, StepKey},
    limits,
    message::read::More,
    time::Timestamp,
};

/// One request a pull: everything the worker was delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// The runs asked for.
    pub asks: Vec<ClaimAsk>,
}

/// One run asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAsk {
    /// The run.
    pub run: RunId,
    /// The publish that told the worker of it.
    pub epoch: Epoch,
    /// Fresh for every delivery; asking again with the same one is answered the same.
    pub attempt: AttemptId,
}

/// The answers to a [`Claim`], one for each ask, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The newest control that the granting statement saw. A grant older than what the worker has applied is
    /// claimed again before anything starts.
    pub control_version: i64,
    /// One answer an ask.
    pub answers: Vec<ClaimAnswer>,
}

/// What a claim came to. Whatever it is, the message that led to it is spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClaimAnswer {
    /// The worker holds the run.
    Granted(Box<Grant>),
    /// Another publish counts, another attempt holds it, or it has ended.
    Stale,
}

/// A run in a worker's hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// The run.
    pub run: RunId,
    /// The publish it was claimed by.
    pub epoch: Epoch,
    /// The fencing token of this hold.
    pub attempt: AttemptId,
    /// Beside whom it runs.
    pub company: Company,
    /// The workflow's wire name.
    pub workflow: String,
    /// What derived randomness is derived from; a fork copies it.
    pub seed: uuid::Uuid,
    /// When the run was accepted: `now` before the first result.
    pub created_at: Timestamp,
    /// The input, or none when it has to be read apart because this message was full.
    #[serde(with = "crate::codec::optional_bytes")]
    pub input: Option<Payload>,
    /// Rows from outside when it was granted; what comes later arrives as a wake.
    pub outside: u32,
    /// The journal, or the part of it that had room here.
    pub entries: Vec<Entry>,
    /// Whether the journal goes on after these entries: read on with the last key.
    pub journal: More,
    /// What is open besides the journal, by key, or the part of it that had room here.
    pub open: Vec<OpenCall>,
    /// Whether more is open: read on with the last key.
    pub more_open: More,
    /// Trace context of the start, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// Whether a run may run beside others in one worker's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Company {
    /// It may.
    Shared,
    /// The leases of its workers ended again and again: at most so many runs of this kind are in one process, itself
    /// included. Others may be beside them.
    Few(u32),
    /// It is the only one of its kind that is left: it begins only once nothing else is held or executed there, and nothing is
    /// taken on beside it.
    Alone,
}

impl Company {
    /// What becomes of a run after so many ends of its worker's lease in a row: from the last but one on that could park it, at
    /// most `company` of its kind are together, or it is alone.
    pub const fn after(strikes: u32, company: Option<u32>) -> Self {
        match company {
            _ if strikes.saturating_add(1) < limits::STRIKES => Self::Shared,
            Some(most) if most > 1 => Self::Few(most),
            Some(_) | None => Self::Alone,
        }
    }
}

/// A run that was granted [`Company::Alone`] is alone and about to begin, or is not alone any more. What dies in between
/// died alone. Repeated, it is answered the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    /// Who holds it.
    pub worker: WorkerId,
    /// The run.
    pub run: RunId,
    /// The hold.
    pub attempt: AttemptId,
    /// What is about to happen.
    pub moment: Moment,
}

/// What is about to happen to a run that runs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Nothing else is held or executed by its worker: it begins.
    Begins,
    /// It came further than before: the worker takes on others beside it.
    Over,
}

/// The answer to [`Alone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solitude {
    /// It is written down: go on.
    Noted,
    /// That attempt does not hold the run.
    Lost,
}

/// A call that was begun by an earlier attempt and has no result yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenCall {
    /// Which call.
    pub key: StepKey,
    /// Tries that failed so far. One that was interrupted did not: it uses none of the policy's tries up.
    pub failed_tries: u32,
    /// The highest number that one of them had; the next try has a higher one.
    pub last_try: u32,
    /// When its first try began.
    pub first_started_at: Option<Timestamp>,
    /// When its last failed try ended.
    pub last_failed_at: Option<Timestamp>,
    /// What stands for it outside, if anything: nothing to do but wait for the wake.
    pub waiting: Option<Waiting>,
}

/// What stands outside for an open call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A timer that the workflow waits for.
    Sleep,
    /// A timer for the next try of a step.
    Retry,
    /// The step was given away.
    Dispatched,
    /// A batch goes on.
    Batch {
        /// Items that it was given so far.
        items: u32,
        /// Whether it waits for more of them.
        more: More,
    },
}

/// Gives runs back: the worker drains, or cannot run them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandBack {
    /// Who gives back.
    pub worker: WorkerId,
    /// Why.
    pub reason: HandBackReason,
    /// What; each is requeued without a strike if that attempt still holds it.
    pub runs: Vec<(RunId, AttemptId)>,
}

/// Why runs are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandBackReason {
    /// The worker stops, has no room, or lost the run's state: it is published again at once.
    Released,
    /// The worker has no such workflow: it waits a moment in the backlog for one that has.
    Lacking,
    /// The worker holds as many runs as may be beside this one: it waits a moment in the backlog for another worker, or for
    /// one of them to go on.
    Crowded,
}

/// Confirms a [`HandBack`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedBack {
    /// How many of them were still held and are queued again.
    pub requeued: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_bounded_in_its_company_before_it_could_be_parked() {
        use Company::{Alone, Few, Shared};
        for (strikes, none, one, two) in [
            (0, Shared, Shared, Shared),
            (1, Shared, Shared, Shared),
            (2, Alone, Alone, Few(2)),
            (9, Alone, Alone, Few(2)),
        ] {
            let after = [None, Some(1), Some(2)].map(|company| Company::after(strikes, company));
            assert_eq!(after, [none, one, two], "{strikes}");
        }
    }
}
