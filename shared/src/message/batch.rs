//! A batch: one function over many items, a bounded number of them at once in the whole cluster.

use serde::{Deserialize, Serialize};

use crate::{
    ids::WorkerId,
    journal::{Outcome, Payload, StepKey},
    message::read::More,
    name::Queue,
    replay::StepOptions,
    time::Timestamp,
};

/// The workflow of a run that is nothing but a batch. No worker has it: the schedulers carry such a run from its start to
/// its end.
pub const BATCH_RUN: &str = "piton.batch";
/// The key of the batch in such a run.
pub const BATCH_RUN_KEY: &str = "batch#1";

/// What a batch is, the same with every chunk of its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchTerms {
    /// The function's wire name.
    pub function: String,
    /// Which workers execute its items; those of the run's queue if none is named.
    pub queue: Option<Queue>,
    /// How an item is executed; its `timeout` is that of one item, all tries together.
    pub item: StepOptions,
    /// Items that are under way at once in the whole cluster, at least 1.
    pub max_concurrency: u32,
    /// What the failure of an item means for the others.
    pub on_failure: OnFailure,
}

/// What the failure of an item means for the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing: each item has its own outcome.
    #[default]
    Continue,
    /// No further item is released; what is under way ends, the rest is cancelled.
    Stop,
}

impl OnFailure {
    /// Every answer.
    pub const ALL: [Self; 2] = [Self::Continue, Self::Stop];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Stop => "stop",
        }
    }
}

/// Items of a batch, in the order of their numbers. The first chunk makes the batch; one that was sent before changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchItems {
    /// The batch.
    pub key: StepKey,
    /// What it is.
    pub terms: BatchTerms,
    /// The number of the first of these items, from 1: the chunk before ended just below it.
    pub first: u32,
    /// The items. May be empty only where nothing follows.
    pub items: Vec<BatchItem>,
    /// Whether more items follow; after the last chunk the batch is sealed.
    pub more: More,
}

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchItem {
    /// The caller's name for it, if it has one.
    pub id: Option<String>,
    /// What the function is called with.
    #[serde(with = "crate::codec::bytes")]
    pub input: Payload,
}

/// What a batch came to: the value of its journal row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// How it ended.
    pub status: BatchStatus,
    /// Items in it.
    pub total: u32,
    /// Items whose function returned a value.
    pub completed: u32,
    /// Items that failed for good.
    pub failed: u32,
    /// Items that were never executed, because the batch stopped or was cancelled.
    pub cancelled: u32,
    /// From the first release to the last end, in milliseconds.
    pub duration_ms: u64,
    /// What the items' last tries took together, in milliseconds.
    pub item_ms: u64,
}

/// How a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// It goes on.
    Running,
    /// Every item completed.
    Completed,
    /// Some items completed, others failed.
    PartialFailure,
    /// No item completed, or the batch was to stop at the first failure and did.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl BatchStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Running, Self::Completed, Self::PartialFailure, Self::Failed, Self::Cancelled];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::PartialFailure => "partial_failure",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How an item of a batch ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemResult {
    /// Its number, from 1.
    pub item: u32,
    /// The caller's name for it.
    pub id: Option<String>,
    /// The outcome; none if it was cancelled before it was executed.
    #[serde(with = "crate::codec::optional_outcome")]
    pub outcome: Option<Outcome>,
    /// Which try was the last; zero for none.
    pub try_number: u32,
    /// Who executed it.
    pub worker: Option<WorkerId>,
    /// When its last try began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}
