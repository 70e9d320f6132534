//! Batches as the API shows them.

use piton_shared::{
    failure::Failure,
    ids::WorkerId,
    journal::StepKey,
    message::batch::{BATCH_RUN_KEY, BatchStatus, ItemResult, OnFailure},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    batches::standing,
    document::shapes,
    runs::escape,
    time::Rfc3339,
    view::{payload, run_path},
};
use crate::{
    engine::Started,
    store::{BatchRow, Ends, Sealed},
};

pub(super) fn batch_path(id: Uuid) -> String {
    format!("/v1/batches/{id}")
}

/// The address of a batch of a workflow.
pub(super) fn in_run(run: Uuid, key: &StepKey) -> String {
    format!("{}/batches/{}", run_path(run), escape(key.as_str()))
}

/// A batch. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchView {
    /// Of a batch that was submitted over the API; it is its run's.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    run_id: Uuid,
    #[schema(value_type = String)]
    key: StepKey,
    function: String,
    queue: String,
    build: Option<String>,
    #[schema(value_type = shapes::BatchStatus)]
    status: BatchStatus,
    max_concurrency: u32,
    #[schema(value_type = shapes::OnFailure)]
    on_failure: OnFailure,
    stats: StatsView,
    created_at: Rfc3339,
    /// When the first of its items was given away.
    started_at: Option<Rfc3339>,
    finished_at: Option<Rfc3339>,
    links: BatchLinks,
}

/// How many of its items stand where.
#[derive(Debug, Serialize, ToSchema)]
struct StatsView {
    /// Items so far, and whether that is all: a workflow may still hand over more.
    total: u32,
    total_is_final: bool,
    waiting: u32,
    running: u32,
    completed: u32,
    failed: u32,
    cancelled: u32,
    /// What the items' last tries took together.
    item_ms: u64,
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
struct BatchLinks {
    #[serde(rename = "self")]
    itself: String,
    results: String,
    run: String,
}

impl BatchLinks {
    fn of(itself: String, run: Uuid) -> Self {
        Self { results: format!("{itself}/results"), itself, run: run_path(run) }
    }
}

impl From<BatchRow> for BatchView {
    fn from(row: BatchRow) -> Self {
        let run = row.id.run.uuid();
        let (id, path) = match row.ends {
            Ends::Run => (Some(run), batch_path(run)),
            Ends::Call => (None, in_run(run, &row.id.key)),
        };
        // What was under way at the end of a cancelled batch was dropped, and is counted as cancelled.
        let goes_on = row.status == BatchStatus::Running;
        Self {
            id,
            run_id: run,
            key: row.id.key,
            function: row.function,
            queue: row.queue,
            build: row.build,
            status: row.status,
            max_concurrency: row.max_concurrency,
            on_failure: row.on_failure,
            stats: StatsView {
                total: row.total,
                total_is_final: row.sealed == Sealed::Sealed,
                waiting: if goes_on { row.total - row.released } else { 0 },
                running: if goes_on { row.released - row.completed - row.failed } else { 0 },
                completed: row.completed,
                failed: row.failed,
                cancelled: row.cancelled,
                item_ms: row.item_millis,
            },
            created_at: row.created_at.into(),
            started_at: row.released_at.map(Rfc3339::from),
            finished_at: row.finished_at.map(Rfc3339::from),
            links: BatchLinks::of(path, run),
        }
    }
}

/// A batch that was just accepted, or was there before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubmittedView {
    id: Uuid,
    run_id: Uuid,
    key: &'static str,
    function: String,
    /// Items in the request.
    items: usize,
    created_at: Rfc3339,
    links: BatchLinks,
}

impl SubmittedView {
    pub(super) fn new(started: &Started, function: String, items: usize) -> Self {
        let id = started.run.uuid();
        Self {
            id,
            run_id: id,
            key: BATCH_RUN_KEY,
            function,
            items,
            created_at: started.created_at.into(),
            links: BatchLinks::of(batch_path(id), id),
        }
    }
}

/// A page of a run's batches, by key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchesView {
    batches: Vec<BatchView>,
    /// The cursor of the next page; none on the last.
    next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    next: Option<String>,
}

impl BatchesView {
    pub(super) fn new(run: Uuid, rows: Vec<BatchRow>, limit: u32, more: bool) -> Self {
        let next_cursor = rows.last().filter(|_| more).map(|row| row.id.key.to_string());
        let next =
            next_cursor.as_deref().map(|key| format!("{}/batches?limit={limit}&cursor={}", run_path(run), escape(key)));
        Self { batches: rows.into_iter().map(BatchView::from).collect(), next_cursor, next }
    }

    /// The address of the next page; none on the last.
    pub(super) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

/// A page of what a batch's items came to, in the order of their numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchResultsView {
    /// How the batch stood when the page was read.
    #[schema(value_type = shapes::BatchStatus)]
    pub(super) status: BatchStatus,
    pub(super) results: Vec<ItemView>,
    /// Always there: asks for the items after this page.
    pub(super) cursor: String,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

/// An item and what it came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ItemView {
    item: u32,
    id: Option<String>,
    /// `waiting`, `running`, `completed`, `failed`, or `cancelled`: its batch ended without it.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shapes::Failure>)]
    failure: Option<Failure>,
    /// The last try; 0 before the first has ended.
    try_number: u32,
    worker_id: Option<Uuid>,
    started_at: Option<Rfc3339>,
    finished_at: Option<Rfc3339>,
}

impl ItemView {
    pub(super) fn new(item: ItemResult, batch: BatchStatus, released: u32) -> Self {
        let (status, result, failure) = match item.outcome {
            Some(Ok(result)) => ("completed", Some(payload(&result)), None),
            Some(Err(failure)) => ("failed", None, Some(failure)),
            None => (standing(item.item, batch, released), None, None),
        };
        Self {
            item: item.item,
            id: item.id,
            status,
            result,
            failure,
            try_number: item.try_number,
            worker_id: item.worker.map(WorkerId::uuid),
            started_at: item.started_at.map(Rfc3339::from),
            finished_at: item.finished_at.map(Rfc3339::from),
        }
    }
}
