//! Runs that wait for a worker, and what workers are said to hold.

use std::time::Duration;

use piton_shared::{
    ids::{AttemptId, Epoch, RunId, WorkerId},
    message::claim::Company,
    name::{Build, Org, Queue},
    state::RunState,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Store, StoreError, control, value};

/// A run that was requeued or published, and what its task needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The run.
    pub run: RunId,
    /// Its tenant.
    pub org: Org,
    /// Its workflow, where the query knew it.
    pub workflow: Option<String>,
    /// Its queue.
    pub queue: Queue,
    /// The build it is bound to.
    pub build: Option<Build>,
    /// The number of the publish.
    pub epoch: Epoch,
    /// Beside whom it is to run, where the query knew it.
    pub company: Company,
    /// Where it stands: `queued` means that its task is to be published now.
    pub state: RunState,
}

/// Whether a queue has room for one more published piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Publish it.
    Some,
    /// Let it wait in the backlog.
    None,
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// Its tenant.
    pub org: Org,
    /// The queue.
    pub queue: Queue,
    /// The build its runs are bound to.
    pub build: Option<Build>,
    /// Published and unclaimed.
    pub published: i64,
    /// In the backlog and free to go, up to the bound that was asked for.
    pub backlog: i64,
}

/// The slots of the live workers of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// Their tenant.
    pub org: Org,
    /// The queue.
    pub queue: Queue,
    /// Their build.
    pub build: Option<Build>,
    /// All run slots.
    pub slots: i64,
    /// All step slots.
    pub step_slots: i64,
}

/// A row of what workers are said to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRow {
    /// The run.
    pub run: RunId,
    /// Who holds it.
    pub worker: WorkerId,
    /// The hold.
    pub attempt: AttemptId,
}

impl Store {
    /// Runs that were published longer ago than their patience.
    pub async fn overdue_published(&self, patience: Duration, rows: i64) -> Result<Vec<Published>, StoreError> {
        let found = sqlx::query(include_str!("sql/overdue_published.sql"))
            .bind(value::micros(patience))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("overdue_published"))?;
        published_rows(&found).map_err(StoreError::new("overdue_published"))
    }

    /// Makes up to `rows` publishes overdue, however patient they were: their stream was made anew. Returns how many.
    pub async fn publishes_reset(&self, patience: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("sql/publishes_reset.sql"))
            .bind(value::micros(patience))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("publishes_reset"))?;
        Ok(done.rows_affected())
    }

    /// Their tasks lie undelivered in the stream: look again later.
    pub async fn still_waiting(&self, runs: &[Published]) -> Result<(), StoreError> {
        sqlx::query(include_str!("sql/still_waiting.sql"))
            .bind(runs.iter().map(|run| run.run.uuid()).collect::<Vec<_>>())
            .bind(runs.iter().map(|run| value::int(run.epoch.0)).collect::<Vec<_>>())
            .execute(&self.calm)
            .await
            .map(drop)
            .map_err(StoreError::new("still_waiting"))
    }

    /// Publishes runs anew with a new epoch, where nothing happened since they were looked at.
    pub async fn republish(&self, runs: &[Published]) -> Result<Vec<Published>, StoreError> {
        let mut ids: Vec<_> = runs.iter().map(|run| (run.run.uuid(), value::int(run.epoch.0))).collect();
        ids.sort_unstable();
        let (ids, epochs): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
        let mut tx = self.calm.begin().await.map_err(StoreError::new("republish"))?;
        control::lock_runs(&mut tx, &ids).await?;
        let rows = sqlx::query(include_str!("sql/republish.sql"))
            .bind(ids)
            .bind(epochs)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("republish"))?;
        tx.commit().await.map_err(StoreError::new("republish"))?;
        published_rows(&rows).map_err(StoreError::new("republish"))
    }

    /// Up to `rows` runs of a queue's backlog, oldest first, each with its workflow.
    pub async fn backlog_due(&self, depth: &Depth, rows: i64) -> Result<Vec<(RunId, String)>, StoreError> {
        let rows = sqlx::query(include_str!("sql/backlog_due.sql"))
            .bind(depth.org.as_str())
            .bind(depth.queue.as_str())
            .bind(depth.build.as_ref().map(Build::as_str))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("backlog_due"))?;
        let read = |row: &PgRow| Ok((RunId::new(row.try_get("run_id")?), row.try_get("workflow")?));
        rows.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("backlog_due"))
    }

    /// Publishes runs of the backlog.
    pub async fn publish_backlog(&self, runs: &[RunId]) -> Result<Vec<Published>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("publish_backlog"))?;
        let locked: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/lock_runs_free.sql"))
            .bind(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("lock_runs_free"))?;
        let found = sqlx::query(include_str!("sql/publish_backlog.sql"))
            .bind(locked)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("publish_backlog"))?;
        tx.commit().await.map_err(StoreError::new("publish_backlog"))?;
        published_rows(&found).map_err(StoreError::new("publish_backlog"))
    }

    /// How full each queue is; a backlog is counted up to a bound.
    pub async fn queue_depths(&self, bound: i64) -> Result<Vec<Depth>, StoreError> {
        let rows = sqlx::query(include_str!("sql/queue_depths.sql"))
            .bind(bound)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("queue_depths"))?;
        rows.iter().map(depth).collect::<Result<_, _>>().map_err(StoreError::new("queue_depths"))
    }

    /// The slots of the live workers of each queue.
    pub async fn queue_slots(&self) -> Result<Vec<Slots>, StoreError> {
        let rows = sqlx::query(include_str!("sql/queue_slots.sql"))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("queue_slots"))?;
        let read = |row: &PgRow| {
            let (org, queue, build) = queue_of(row)?;
            let (slots, step_slots) = (row.try_get("slots")?, row.try_get("step_slots")?);
            Ok(Slots { org, queue, build, slots, step_slots })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("queue_slots"))
    }

    /// A page of what workers are said to hold for longer than `age`, after a run.
    pub async fn held_page(&self, after: RunId, age: Duration, rows: i64) -> Result<Vec<HeldRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/held_page.sql"))
            .bind(after.uuid())
            .bind(value::micros(age))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("held_page"))?;
        let read = |row: &PgRow| {
            Ok(HeldRow {
                run: RunId::new(row.try_get("run_id")?),
                worker: WorkerId::new(row.try_get("worker")?),
                attempt: AttemptId::new(row.try_get("attempt")?),
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("held_page"))
    }
}

pub(super) fn depth(row: &PgRow) -> Result<Depth, sqlx::Error> {
    let (org, queue, build) = queue_of(row)?;
    Ok(Depth { org, queue, build, published: row.try_get("published")?, backlog: row.try_get("backlog")? })
}

pub(super) fn queue_of(row: &PgRow) -> Result<(Org, Queue, Option<Build>), sqlx::Error> {
    let org = Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?;
    let queue = Queue::new(row.try_get::<String, _>("queue")?).map_err(value::decode_error)?;
    let build = row.try_get::<Option<String>, _>("build")?.map(Build::new).transpose().map_err(value::decode_error)?;
    Ok((org, queue, build))
}

/// Beside whom a run may be, by its row.
pub(super) fn company(strikes: i16, company: Option<i32>) -> Company {
    Company::after(strikes.unsigned_abs().into(), company.map(i32::unsigned_abs))
}

pub(super) fn published_run(row: &PgRow) -> Result<Published, sqlx::Error> {
    let (org, queue, build) = queue_of(row)?;
    let state = match row.try_get::<&str, _>("state") {
        Ok(word) => word.parse().map_err(value::decode_error)?,
        // Only what is queued is told by the queries that do not say.
        Err(sqlx::Error::ColumnNotFound(_)) => RunState::Queued,
        Err(error) => return Err(error),
    };
    let run = match row.try_get("id") {
        Err(sqlx::Error::ColumnNotFound(_)) => row.try_get("run_id")?,
        found => found?,
    };
    let workflow = match row.try_get("workflow") {
        Err(sqlx::Error::ColumnNotFound(_)) => None,
        found => Some(found?),
    };
    let company = match row.try_get::<i16, _>("strikes") {
        // The grant says it in any case.
        Err(sqlx::Error::ColumnNotFound(_)) => Company::Shared,
        strikes => company(strikes?, row.try_get("company")?),
    };
    Ok(Published {
        run: RunId::new(run),
        org,
        workflow,
        queue,
        build,
        epoch: Epoch(row.try_get::<i32, _>("epoch")?.unsigned_abs()),
        company,
        state,
    })
}

pub(super) fn published_rows(rows: &[PgRow]) -> Result<Vec<Published>, sqlx::Error> {
    rows.iter().map(published_run).collect()
}
