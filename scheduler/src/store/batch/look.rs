//! How batches stand.

use piton_shared::{
    ids::RunId,
    journal::StepKey,
    message::batch::{BatchStatus, OnFailure},
    name::{Build, Org, Queue},
    state::RunState,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::super::{StoreError, value};

/// Names a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The run it is part of.
    pub run: RunId,
    /// Its key there.
    pub key: StepKey,
}

/// What the end of a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The call of a workflow.
    Call,
    /// A run that is nothing but this batch.
    Run,
}

/// Whether all items of a batch are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// They are.
    Sealed,
    /// More may follow.
    Open,
}

/// Whether anything of a batch may still be with workers or on the way to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is: it has ended, and what it had under way is gone.
    Settled,
    /// Something may be.
    Open,
}

/// Whether a run is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPaused {
    /// Nothing of it is given away.
    Paused,
    /// It goes on.
    No,
}

/// How a batch stands, read under its run's lock.
#[derive(Debug, Clone)]
pub struct BatchLook {
    /// The batch.
    pub id: BatchId,
    /// Its tenant.
    pub org: Org,
    /// Which workers execute its items.
    pub queue: Queue,
    /// The build they must have.
    pub build: Option<Build>,
    /// The function's wire name.
    pub function: String,
    /// What its end ends.
    pub ends: Ends,
    /// Items under way at once at most.
    pub max_concurrency: u32,
    /// What the failure of an item means for the others.
    pub on_failure: OnFailure,
    /// Whether it goes on.
    pub status: BatchStatus,
    /// Whether anything of it may still be under way.
    pub settled: Settled,
    /// Items written so far.
    pub total: u32,
    /// Whether that is all.
    pub sealed: Sealed,
    /// Items given away so far.
    pub released: u32,
    /// Items that completed.
    pub completed: u32,
    /// Items that failed.
    pub failed: u32,
    /// What the items' last tries took together, in milliseconds.
    pub item_millis: u64,
    /// Since the first release, in milliseconds.
    pub millis: u64,
    /// Where its run stands.
    pub run_state: RunState,
    /// Whether its run is paused.
    pub paused: RunPaused,
    /// Trace context of its run.
    pub trace: Option<String>,
}

/// How batches stand; those that are not there are missing.
pub(in crate::store) async fn looks(
    connection: &mut PgConnection,
    batches: &[BatchId],
) -> Result<Vec<BatchLook>, StoreError> {
    let found = sqlx::query(include_str!("../sql/batch_look.sql"))
        .bind(batches.iter().map(|batch| batch.run.uuid()).collect::<Vec<_>>())
        .bind(batches.iter().map(|batch| batch.key.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_look"))?;
    found.iter().map(look).collect::<Result<_, _>>().map_err(StoreError::new("batch_look"))
}

fn look(row: &PgRow) -> Result<BatchLook, sqlx::Error> {
    let name = |column: &str| row.try_get::<String, _>(column);
    Ok(BatchLook {
        id: BatchId { run: RunId::new(row.try_get("run_id")?), key: StepKey::new(name("step_key")?) },
        org: Org::new(name("org")?).map_err(value::decode_error)?,
        queue: Queue::new(name("queue")?).map_err(value::decode_error)?,
        build: row.try_get::<Option<String>, _>("build")?.map(Build::new).transpose().map_err(value::decode_error)?,
        function: name("function")?,
        ends: ends(row)?,
        max_concurrency: count(row, "max_concurrency")?,
        on_failure: on_failure(row)?,
        status: status(row)?,
        settled: if row.try_get("settled")? { Settled::Settled } else { Settled::Open },
        total: count(row, "total")?,
        sealed: sealed(row)?,
        released: count(row, "released")?,
        completed: count(row, "completed")?,
        failed: count(row, "failed")?,
        item_millis: millis(row, "item_millis")?,
        millis: millis(row, "millis")?,
        run_state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
        paused: if row.try_get("paused")? { RunPaused::Paused } else { RunPaused::No },
        trace: row.try_get("trace")?,
    })
}

pub(super) fn ends(row: &PgRow) -> Result<Ends, sqlx::Error> {
    match row.try_get("ends")? {
        "call" => Ok(Ends::Call),
        "run" => Ok(Ends::Run),
        other => Err(value::unknown("end of a batch", other)),
    }
}

pub(super) fn status(row: &PgRow) -> Result<BatchStatus, sqlx::Error> {
    let word: &str = row.try_get("status")?;
    BatchStatus::ALL
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| value::unknown("status of a batch", word))
}

pub(super) fn on_failure(row: &PgRow) -> Result<OnFailure, sqlx::Error> {
    let word: &str = row.try_get("on_failure")?;
    OnFailure::ALL
        .into_iter()
        .find(|what| what.as_str() == word)
        .ok_or_else(|| value::unknown("answer to failures", word))
}

pub(super) fn sealed(row: &PgRow) -> Result<Sealed, sqlx::Error> {
    Ok(if row.try_get("sealed")? { Sealed::Sealed } else { Sealed::Open })
}

pub(super) fn count(row: &PgRow, column: &str) -> Result<u32, sqlx::Error> {
    Ok(row.try_get::<i32, _>(column)?.unsigned_abs())
}

pub(super) fn millis(row: &PgRow, column: &str) -> Result<u64, sqlx::Error> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0))
}
