//! What a run did, to be asserted.

use std::{collections::BTreeMap, time::Duration};

use piton_shared::{
    codec,
    failure::Failure,
    history::{History, HistoryRun},
    ids::{Epoch, RunId},
    journal::{Entry, Kind, Outcome, Payload, StepKey},
    message::{append::NewWait, batch::ItemResult},
    state::RunState,
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

use super::text::Journal;
use crate::definition::Journaled;

/// The whole story of a run. Its `Display` tells it, and panics of this module show it.
#[derive(Debug, Clone)]
pub struct Story {
    pub(super) run_id: RunId,
    pub(super) workflow: String,
    pub(super) input: Payload,
    pub(super) seed: Uuid,
    pub(super) tags: Vec<String>,
    pub(super) state: RunState,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) attempts: u32,
    pub(super) appends: u32,
    /// How it ended by itself, if it did.
    pub(super) end: Option<Outcome>,
    pub(super) journal: Vec<Entry>,
    pub(super) batches: BTreeMap<StepKey, Vec<ItemResult>>,
    pub(super) tries: Vec<TestTry>,
    pub(super) timers: Vec<Timer>,
}

/// One try of a function, executed or scripted.
#[derive(Debug, Clone, PartialEq)]
pub struct TestTry {
    /// The step, such as `charge_card#1`.
    pub step: String,
    /// The function's wire name.
    pub function: String,
    /// Counts from 1. A number comes twice where a crash repeated the try.
    pub number: u32,
    /// The publish of the run it belonged to: grows with every crash and every wait that left memory.
    pub epoch: Epoch,
    /// What the function sees as its idempotency key.
    pub idempotency_key: String,
    /// When it began, on the virtual clock.
    pub started_at: Timestamp,
    /// How it ended.
    pub end: TryEnd,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TryEnd {
    /// With a result.
    Returned {
        /// When, on the virtual clock.
        at: Timestamp,
    },
    /// With a failure, a panic or a timeout.
    Failed {
        /// When, on the virtual clock.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// It was dropped: its result was no longer wanted, or its worker crashed.
    Dropped,
}

/// A timer in the database: a sleep, or a wait of over 5 s between two tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The call it belongs to, such as `sleep#1`; the wait before try 2 of a step is `charge_card#1~2`.
    pub key: String,
    /// The timer's name, or the function's.
    pub name: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it was to fire.
    pub due_at: Timestamp,
    /// When it fired, if it did.
    pub fired_at: Option<Timestamp>,
}

impl Timer {
    pub(super) fn set(wait: &NewWait, set_at: Timestamp, due_at: Timestamp) -> Self {
        Self { key: wait.key.to_string(), name: wait.name.clone(), set_at, due_at, fired_at: None }
    }

    /// How long it was set for.
    pub fn duration(&self) -> Duration {
        self.due_at.since(self.set_at)
    }
}

/// A step as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct TestStep {
    /// Its key, such as `charge_card#1`.
    pub key: String,
    /// The function's wire name.
    pub function: String,
    /// What it was called with.
    pub input: Value,
    /// What it came to.
    pub result: Result<Value, Failure>,
    /// Which try that was, from 1.
    pub try_number: u32,
}

impl Story {
    /// The run's id.
    pub fn run_id(&self) -> RunId {
        self.run_id
    }

    /// The workflow's wire name.
    pub fn workflow(&self) -> &str {
        &self.workflow
    }

    /// What it was started with.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Where it stands.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// When it was started, on the virtual clock.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// From its start to its end, on the virtual clock.
    pub fn duration(&self) -> Duration {
        self.ended_at.since(self.started_at)
    }

    /// When it ended, on the virtual clock; where it stopped, if it did not end.
    pub fn ended_at(&self) -> Timestamp {
        self.ended_at
    }

    /// How many workers held it: one, and one more for each crash, and for each wait that left memory.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Appends that were written, of all attempts.
    pub fn appends(&self) -> u32 {
        self.appends
    }

    /// The run as one JSON document, in the form of `piton run export`: for [`replay`](super::replay).
    ///
    /// # Panics
    ///
    /// When a payload is none, which is a bug in Piton.
    pub fn export(&self) -> String {
        let result = match &self.end {
            Some(Ok(result)) => Some(shown(result)),
            Some(Err(_)) | None => None,
        };
        let run = HistoryRun {
            id: self.run_id,
            workflow: self.workflow.clone(),
            state: self.state,
            seed: self.seed,
            created_at: self.started_at,
            input: shown(&self.input),
            result,
            failure: self.end.as_ref().and_then(|end| end.as_ref().err()).cloned(),
        };
        let mut history = History::new(run, self.journal.clone()).expect("the journal holds payloads");
        for (key, results) in &self.batches {
            history = history.with_batch(key.clone(), results).expect("results are payloads");
        }
        serde_json::to_string_pretty(&history).expect("a history is plain data")
    }

    /// The journal in a stable form for snapshots: a line for each row, times counted from the start.
    pub fn journal(&self) -> Journal<'_> {
        Journal(self)
    }

    /// The steps in the journal, in the order in which the workflow was told their results.
    pub fn steps(&self) -> impl Iterator<Item = TestStep> {
        self.journal.iter().filter(|entry| entry.kind == Kind::Step).map(TestStep::of)
    }

    /// The keys of the steps in the journal, in that order.
    pub fn step_keys(&self) -> Vec<&str> {
        self.journal.iter().filter(|entry| entry.kind == Kind::Step).map(|entry| entry.key.as_str()).collect()
    }

    /// The keys of all rows in the journal, timers and a cancel among them, in that order.
    pub fn keys(&self) -> Vec<&str> {
        self.journal.iter().map(|entry| entry.key.as_str()).collect()
    }

    /// The step of this key.
    ///
    /// # Panics
    ///
    /// When the journal has none: the message shows the story.
    #[track_caller]
    pub fn step(&self, key: &str) -> TestStep {
        let found = self.steps().find(|step| step.key == key);
        found.unwrap_or_else(|| panic!("the journal has no step `{key}`\n{self}"))
    }

    /// What the step of this key returned.
    ///
    /// # Panics
    ///
    /// When there is no such step, when it failed, and when its result is no `T`.
    #[track_caller]
    pub fn result_of<T: Journaled>(&self, key: &str) -> T {
        let entry = self.journal.iter().find(|entry| entry.kind == Kind::Step && entry.key.as_str() == key);
        match entry.map(|entry| &entry.outcome) {
            None => panic!("the journal has no step `{key}`\n{self}"),
            Some(Err(failure)) => panic!("step `{key}` failed: {failure}\n{self}"),
            Some(Ok(result)) => {
                T::decode(result).unwrap_or_else(|error| panic!("the result of `{key}` is another type: {error}"))
            }
        }
    }

    /// Every try of every function, in the order in which they began.
    pub fn tries(&self) -> &[TestTry] {
        &self.tries
    }

    /// The tries of one step.
    pub fn tries_of(&self, step: &str) -> impl Iterator<Item = &TestTry> {
        self.tries.iter().filter(move |tried| tried.step == step)
    }

    /// The waits between the tries of one step: from each one's end to the next one's begin.
    pub fn delays_of(&self, step: &str) -> Vec<Duration> {
        let tries: Vec<_> = self.tries_of(step).collect();
        let pairs = tries.windows(2);
        pairs.filter_map(|pair| Some(pair[1].started_at.since(pair[0].end.at()?))).collect()
    }

    /// Every timer that was set, in that order.
    pub fn timers(&self) -> &[Timer] {
        &self.timers
    }
}

impl TryEnd {
    /// When it ended, if it was not dropped.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Returned { at } | Self::Failed { at, .. } => Some(*at),
            Self::Dropped => None,
        }
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            Self::Returned { .. } | Self::Dropped => None,
        }
    }
}

impl TestStep {
    fn of(entry: &Entry) -> Self {
        Self {
            key: entry.key.to_string(),
            function: entry.name.clone(),
            input: shown(&entry.input),
            result: entry.outcome.as_ref().map(|result| shown(result)).map_err(Clone::clone),
            try_number: entry.try_number,
        }
    }
}

/// A payload as JSON; what is none is shown as what is wrong with it.
pub(super) fn shown(payload: &[u8]) -> Value {
    codec::to_json(payload).unwrap_or_else(|error| Value::String(format!("no payload: {error}")))
}

/// How something ended, for people.
pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Ok(result) => shown(result).to_string(),
        Err(failure) => format!("the failure `{failure}`"),
    }
}

/// What is noted of a try when it begins.
pub(super) fn begun(step: &StepKey, function: &str, number: u32, epoch: Epoch, run: RunId, at: Timestamp) -> TestTry {
    TestTry {
        step: step.to_string(),
        function: function.to_owned(),
        number,
        epoch,
        idempotency_key: format!("{run}/{step}"),
        started_at: at,
        end: TryEnd::Dropped,
    }
}
