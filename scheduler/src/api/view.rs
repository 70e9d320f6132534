//! Runs and workers as the API shows them.

use piton_shared::{codec, failure::Failure, parked::Parked, state::RunState};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::time::Rfc3339;
use crate::{
    engine::Started,
    store::{RunRow, WorkerRow},
};

/// A run. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Serialize)]
pub(super) struct RunView {
    id: Uuid,
    workflow: String,
    queue: String,
    build: Option<String>,
    session_id: Option<String>,
    tags: Vec<String>,
    state: RunState,
    /// Claims so far: 1 for a run that was never interrupted.
    attempts: u32,
    /// Publishes so far.
    epoch: u32,
    /// Deaths of its worker in a row.
    strikes: i16,
    worker_id: Option<Uuid>,
    created_at: Rfc3339,
    started_at: Option<Rfc3339>,
    finished_at: Option<Rfc3339>,
    cancel_requested_at: Option<Rfc3339>,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Value>,
    /// Of a completed run, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    failure: Option<Failure>,
    parked: Option<Value>,
    links: Links,
}

/// Where to look next.
#[derive(Debug, Serialize)]
pub(super) struct Links {
    #[serde(rename = "self")]
    itself: String,
    journal: String,
    /// Of a run that goes on: answers when it has ended, or after the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<String>,
}

impl Links {
    fn of(id: Uuid, state: RunState) -> Self {
        Self {
            itself: run_path(id),
            journal: format!("{}/journal", run_path(id)),
            wait: (!state.is_terminal()).then(|| wait_path(id)),
        }
    }
}

pub(super) fn run_path(id: Uuid) -> String {
    format!("/v1/runs/{id}")
}

pub(super) fn wait_path(id: Uuid) -> String {
    format!("{}?wait={}s", run_path(id), piton_shared::limits::REQUEST_WAIT.as_secs())
}

impl From<RunRow> for RunView {
    fn from(row: RunRow) -> Self {
        let id = row.run.uuid();
        Self {
            id,
            workflow: row.workflow,
            queue: row.queue,
            build: row.build,
            session_id: row.session,
            tags: row.tags,
            state: row.state,
            attempts: row.attempts,
            epoch: row.epoch,
            strikes: row.strikes,
            worker_id: row.worker.map(piton_shared::ids::WorkerId::uuid),
            created_at: row.created_at.into(),
            started_at: row.started_at.map(Rfc3339::from),
            finished_at: row.finished_at.map(Rfc3339::from),
            cancel_requested_at: row.cancel_asked_at.map(Rfc3339::from),
            input: row.input.as_deref().map(payload),
            result: row.result.as_deref().map(payload),
            failure: row.failure,
            parked: row.parked.as_ref().map(parked),
            links: Links::of(id, row.state),
        }
    }
}

/// A run that was just accepted, or was there before: what is known without reading it again. Its members are those
/// of a run.
#[derive(Debug, Serialize)]
pub(super) struct StartedView {
    id: Uuid,
    workflow: String,
    state: RunState,
    created_at: Rfc3339,
    links: Links,
}

impl StartedView {
    pub(super) fn new(started: &Started, workflow: String) -> Self {
        let id = started.run.uuid();
        Self {
            id,
            workflow,
            state: started.state,
            created_at: started.created_at.into(),
            links: Links::of(id, started.state),
        }
    }
}

/// A payload as JSON. Bytes that do not read are shown as what they are rather than hidden.
pub(super) fn payload(bytes: &[u8]) -> Value {
    codec::to_json(bytes).unwrap_or_else(|error| json!({ "$unreadable": error.to_string() }))
}

/// The reason on a parked run: its members, and a sentence.
fn parked(reason: &Parked) -> Value {
    let mut value = serde_json::to_value(reason).unwrap_or_else(|_| json!({}));
    if let Value::Object(members) = &mut value {
        members.insert("detail".into(), reason.to_string().into());
    }
    value
}

/// A worker.
#[derive(Debug, Serialize)]
pub(super) struct WorkerView {
    id: Uuid,
    name: String,
    host: String,
    process_id: i64,
    build: Option<String>,
    queues: Vec<String>,
    workflows: Vec<String>,
    functions: Vec<String>,
    run_slots: i32,
    free_run_slots: i32,
    step_slots: i32,
    free_step_slots: i32,
    /// `working` or `draining`.
    intent: String,
    /// Runs it holds by the database.
    runs_held: i64,
    under_way: Vec<UnderWayView>,
    registered_at: Rfc3339,
    heartbeat_at: Rfc3339,
    lease_until: Rfc3339,
    ended_at: Option<Rfc3339>,
    end_reason: Option<String>,
}

/// A function that takes its time.
#[derive(Debug, Serialize)]
struct UnderWayView {
    run_id: Uuid,
    key: String,
    try_number: u32,
    since: Rfc3339,
    heartbeat_at: Option<Rfc3339>,
    progress: Option<f64>,
    note: Option<String>,
}

impl From<WorkerRow> for WorkerView {
    fn from(row: WorkerRow) -> Self {
        let under_way = row.under_way.into_iter().map(|function| UnderWayView {
            run_id: function.run.uuid(),
            key: function.key.to_string(),
            try_number: function.try_number,
            since: function.since.into(),
            heartbeat_at: function.beat_at.map(Rfc3339::from),
            progress: function.progress,
            note: function.note,
        });
        Self {
            id: row.worker.uuid(),
            name: row.name,
            host: row.host,
            process_id: row.process,
            build: row.build,
            queues: row.queues,
            workflows: row.workflows,
            functions: row.functions,
            run_slots: row.run_slots,
            free_run_slots: row.free_runs,
            step_slots: row.step_slots,
            free_step_slots: row.free_steps,
            intent: row.intent,
            runs_held: row.held,
            under_way: under_way.collect(),
            registered_at: row.registered_at.into(),
            heartbeat_at: row.beat_at.into(),
            lease_until: row.lease_until.into(),
            ended_at: row.ended_at.map(Rfc3339::from),
            end_reason: row.end_reason,
        }
    }
}
