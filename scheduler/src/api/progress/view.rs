//! What the events of a run's progress say.

use piton_shared::{
    failure::Failure,
    ids::WorkerId,
    journal::{Entry, Kind},
    state::RunState,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    api::{
        time::Rfc3339,
        view::{parked, payload},
    },
    store::{RunRow, Standing, TryRow},
};

/// `state`: where the run stands.
#[derive(Debug, Serialize)]
pub(super) struct StandingView {
    state: RunState,
    attempts: u32,
    worker_id: Option<Uuid>,
    paused_at: Option<Rfc3339>,
    parked: Option<Value>,
}

/// `step`: a call and what it came to.
#[derive(Debug, Serialize)]
pub(super) struct StepToldView {
    key: String,
    kind: Kind,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    try_number: u32,
    worker_id: Option<Uuid>,
    started_at: Rfc3339,
    finished_at: Rfc3339,
}

/// `try`: one that failed and is followed by another.
#[derive(Debug, Serialize)]
pub(super) struct TryToldView {
    key: String,
    name: String,
    try_number: u32,
    failure: Failure,
    worker_id: Uuid,
    started_at: Rfc3339,
    finished_at: Rfc3339,
}

/// `end`: how it ended.
#[derive(Debug, Serialize)]
pub(super) struct EndView {
    state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    failure: Option<Failure>,
    finished_at: Option<Rfc3339>,
}

impl StandingView {
    pub(super) fn of(standing: &Standing) -> Self {
        Self {
            state: standing.state,
            attempts: standing.attempts,
            worker_id: standing.worker.map(WorkerId::uuid),
            paused_at: standing.paused_at.map(Rfc3339::from),
            parked: standing.parked.as_ref().map(parked),
        }
    }
}

impl From<Entry> for StepToldView {
    fn from(entry: Entry) -> Self {
        let (result, failure) = match entry.outcome {
            Ok(result) => (Some(payload(&result)), None),
            Err(failure) => (None, Some(failure)),
        };
        Self {
            key: entry.key.to_string(),
            kind: entry.kind,
            name: entry.name,
            result,
            failure,
            try_number: entry.try_number,
            worker_id: entry.worker.map(WorkerId::uuid),
            started_at: entry.started_at.into(),
            finished_at: entry.finished_at.into(),
        }
    }
}

impl From<TryRow> for TryToldView {
    fn from(row: TryRow) -> Self {
        Self {
            key: row.key.to_string(),
            name: row.name,
            try_number: row.try_number,
            failure: row.failure,
            worker_id: row.worker.uuid(),
            started_at: row.started_at.into(),
            finished_at: row.finished_at.into(),
        }
    }
}

impl From<RunRow> for EndView {
    fn from(row: RunRow) -> Self {
        Self {
            state: row.state,
            result: row.result.as_deref().map(payload),
            failure: row.failure,
            finished_at: row.finished_at.map(Rfc3339::from),
        }
    }
}
