//! Runs and workers as the API shows them.

use piton_shared::{codec, failure::Failure, parked::Parked, state::RunState};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{document::shapes, time::Rfc3339};
use crate::{
    engine::Started,
    store::{RunRow, Served, StepRow, WorkerRow},
};

/// A run. Times are RFC 3339 in UTC, by the database's clock.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunView {
    id: Uuid,
    workflow: String,
    queue: String,
    build: Option<String>,
    session_id: Option<String>,
    tags: Vec<String>,
    #[schema(value_type = shapes::RunState)]
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
    /// Since when nothing new of it starts, if it is paused.
    paused_at: Option<Rfc3339>,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Value>,
    /// Of a completed run, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[schema(value_type = Option<shapes::Failure>)]
    failure: Option<Failure>,
    #[schema(value_type = Option<shapes::Parked>)]
    parked: Option<Value>,
    /// Why it waits in the backlog, if it is not for room.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitingView>,
    /// Steps and items that were given away and are open; of a run that goes on, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    dispatched: Option<DispatchedView>,
    links: Links,
}

/// Why a run waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitingView {
    /// `no_worker`: no live worker of its queue, and of its build if it is bound to one, has its workflow. It starts when one
    /// registers.
    reason: &'static str,
    /// The same as a sentence.
    detail: String,
}

impl WaitingView {
    pub(super) fn of(served: Served, workflow: &str, queue: &str, build: Option<&str>) -> Option<Self> {
        match served {
            Served::Yes => None,
            Served::No => {
                let build = build.map(|build| format!(" with the build `{build}`")).unwrap_or_default();
                Some(Self {
                    reason: "no_worker",
                    detail: format!(
                        "no live worker of the queue `{queue}`{build} has the workflow `{workflow}`; the run starts when one registers"
                    ),
                })
            }
        }
    }
}

/// What of a run is open outside.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DispatchedView {
    steps: Vec<StepView>,
    /// Whether there are more than are shown.
    more: bool,
}

/// A step, or an item of a batch, that was given away.
#[derive(Debug, Serialize, ToSchema)]
struct StepView {
    key: String,
    name: String,
    queue: String,
    /// `waiting` for a worker, `unserved` while no live worker of its queue has the function, `executing`, `retrying` later, `paused`,
    /// or `poison`: leases of workers ended too often while they executed it.
    status: &'static str,
    /// Since when it stands so.
    since: Rfc3339,
    due_at: Option<Rfc3339>,
    try_number: u32,
    worker_id: Option<Uuid>,
}

/// Steps of a run that are shown at most.
pub(super) const DISPATCHED: usize = 100;

impl DispatchedView {
    /// Of rows that were read up to one more than is shown.
    pub(super) fn of(mut rows: Vec<StepRow>) -> Self {
        let more = rows.len() > DISPATCHED;
        rows.truncate(DISPATCHED);
        Self { steps: rows.into_iter().map(StepView::from).collect(), more }
    }
}

impl From<StepRow> for StepView {
    fn from(row: StepRow) -> Self {
        let (status, since) = match (row.stopped.as_deref(), row.held_at, row.due_at) {
            (Some("paused"), ..) => ("paused", row.offered_at),
            (Some("unserved"), ..) => ("unserved", row.offered_at),
            (Some(_), ..) => ("poison", row.offered_at),
            (None, Some(held_at), _) => ("executing", held_at),
            (None, None, Some(_)) => ("retrying", row.offered_at),
            (None, None, None) => ("waiting", row.offered_at),
        };
        Self {
            key: row.key.to_string(),
            name: row.name,
            queue: row.queue,
            status,
            since: since.into(),
            due_at: row.due_at.map(Rfc3339::from),
            try_number: row.try_number,
            worker_id: row.worker.map(piton_shared::ids::WorkerId::uuid),
        }
    }
}

impl RunView {
    /// With what of it is open outside.
    pub(super) fn with_dispatched(self, dispatched: DispatchedView) -> Self {
        Self { dispatched: Some(dispatched), ..self }
    }
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
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
        let waiting = WaitingView::of(row.served, &row.workflow, &row.queue, row.build.as_deref());
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
            paused_at: row.paused_at.map(Rfc3339::from),
            input: row.input.as_deref().map(payload),
            result: row.result.as_deref().map(payload),
            failure: row.failure,
            parked: row.parked.as_ref().map(parked),
            waiting,
            dispatched: None,
            links: Links::of(id, row.state),
        }
    }
}

/// A run that was just accepted, or was there before: what is known without reading it again. Its members are those
/// of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartedView {
    id: Uuid,
    workflow: String,
    #[schema(value_type = shapes::RunState)]
    state: RunState,
    created_at: Rfc3339,
    /// Why it waits, if no live worker can take it. Only of a run that this request made.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitingView>,
    links: Links,
}

impl StartedView {
    pub(super) fn new(started: &Started, workflow: String, waiting: Option<WaitingView>) -> Self {
        let id = started.run.uuid();
        Self {
            id,
            workflow,
            state: started.state,
            created_at: started.created_at.into(),
            waiting,
            links: Links::of(id, started.state),
        }
    }
}

/// A payload as JSON. Bytes that do not read are shown as what they are rather than hidden.
pub(super) fn payload(bytes: &[u8]) -> Value {
    codec::to_json(bytes).unwrap_or_else(|error| json!({ "$unreadable": error.to_string() }))
}

/// The reason on a parked run: its members, and a sentence.
pub(super) fn parked(reason: &Parked) -> Value {
    let mut value = serde_json::to_value(reason).unwrap_or_else(|_| json!({}));
    if let Value::Object(members) = &mut value {
        members.insert("detail".into(), reason.to_string().into());
    }
    value
}

/// A worker.
#[derive(Debug, Serialize, ToSchema)]
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
    /// Dispatched steps and items that it executes by the database.
    steps_executing: i64,
    under_way: Vec<UnderWayView>,
    registered_at: Rfc3339,
    heartbeat_at: Rfc3339,
    lease_until: Rfc3339,
    ended_at: Option<Rfc3339>,
    end_reason: Option<String>,
}

/// A function that takes its time.
#[derive(Debug, Serialize, ToSchema)]
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
            steps_executing: row.executing,
            under_way: under_way.collect(),
            registered_at: row.registered_at.into(),
            heartbeat_at: row.beat_at.into(),
            lease_until: row.lease_until.into(),
            ended_at: row.ended_at.map(Rfc3339::from),
            end_reason: row.end_reason,
        }
    }
}
