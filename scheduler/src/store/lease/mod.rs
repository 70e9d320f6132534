//! Workers' leases.

mod back;
mod end;
mod strike;

use std::time::Duration;

use piton_shared::{
    ids::WorkerId,
    message::worker::{Heartbeat, Intent, Register, UnderWay},
    name::Org,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

pub use self::{
    back::Back,
    end::{Ended, Poisoned},
};
use super::{Store, StoreError, value};

/// A lease that was renewed.
#[derive(Debug, Clone)]
pub struct Beat {
    /// The worker.
    pub worker: WorkerId,
    /// Its tenant.
    pub org: String,
    /// The newest control of its org.
    pub control_version: i64,
}

/// What a registration begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    /// Controls up to this version are older than the worker.
    pub control_version: i64,
    /// How long its lease runs after each heartbeat.
    pub lease: Duration,
}

/// A worker as people see it.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    /// Its registration.
    pub worker: WorkerId,
    /// Its name for people.
    pub name: String,
    /// Where it runs.
    pub host: String,
    /// Its process there.
    pub process: i64,
    /// The build of its code.
    pub build: Option<String>,
    /// The queues it listens on.
    pub queues: Vec<String>,
    /// Its workflows.
    pub workflows: Vec<String>,
    /// Its functions.
    pub functions: Vec<String>,
    /// Runs it holds at once at most.
    pub run_slots: i32,
    /// Functions it executes at once at most.
    pub step_slots: i32,
    /// Runs it could take at its last heartbeat.
    pub free_runs: i32,
    /// Functions it could start at its last heartbeat.
    pub free_steps: i32,
    /// `working`, `draining` or `solitary`.
    pub intent: String,
    /// Functions that take their time.
    pub under_way: Vec<UnderWay>,
    /// When it registered.
    pub registered_at: Timestamp,
    /// Its last heartbeat.
    pub beat_at: Timestamp,
    /// When its lease ends unless renewed.
    pub lease_until: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Runs it holds by the database.
    pub held: i64,
    /// Dispatched work that it executes by the database.
    pub executing: i64,
}

impl Store {
    /// Registers a worker; none when its org is unknown or this registration has ended. A registration that is repeated keeps
    /// the lease it was made with.
    pub async fn register(&self, worker: &Register, lease: Duration) -> Result<Option<LeaseTerms>, StoreError> {
        let names = |names: &[piton_shared::name::Queue]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let row = sqlx::query(include_str!("../sql/register.sql"))
            .bind(worker.worker.uuid())
            .bind(worker.org.as_str())
            .bind(&worker.name)
            .bind(&worker.host)
            .bind(i64::from(worker.process))
            .bind(worker.build.as_ref().map(|build| build.as_str().to_owned()))
            .bind(names(&worker.queues))
            .bind(&worker.workflows)
            .bind(&worker.functions)
            .bind(value::int(worker.run_slots))
            .bind(value::int(worker.step_slots))
            .bind(value::micros(lease))
            .fetch_optional(&self.lease)
            .await
            .map_err(StoreError::new("register"))?;
        let read = |row: &PgRow| {
            let micros: i64 = row.try_get("lease_micros")?;
            Ok(LeaseTerms {
                control_version: row.try_get("control_applied")?,
                lease: Duration::from_micros(micros.unsigned_abs()),
            })
        };
        row.as_ref().map(read).transpose().map_err(StoreError::new("register"))
    }

    /// The org of a worker; none for one that never registered.
    pub async fn worker_org(&self, worker: WorkerId) -> Result<Option<Org>, StoreError> {
        let org: Option<String> = sqlx::query_scalar(include_str!("../sql/worker_org.sql"))
            .bind(worker.uuid())
            .fetch_optional(&self.lease)
            .await
            .map_err(StoreError::new("worker_org"))?;
        org.map(|org| Org::new(org).map_err(value::decode_error)).transpose().map_err(StoreError::new("worker_org"))
    }

    /// Renews leases in one commit, each for as long as its worker was told at registration, or for `lease` if that is not
    /// known; those that had ended are missing in the answer.
    pub async fn heartbeats(&self, beats: &[Heartbeat], lease: Duration) -> Result<Vec<Beat>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/heartbeats.sql"))
            .bind(beats.iter().map(|beat| beat.worker.uuid()).collect::<Vec<_>>())
            .bind(beats.iter().map(|beat| intent(beat.intent)).collect::<Vec<_>>())
            .bind(beats.iter().map(|beat| value::int(beat.free_runs)).collect::<Vec<_>>())
            .bind(beats.iter().map(|beat| value::int(beat.free_steps)).collect::<Vec<_>>())
            .bind(beats.iter().map(|beat| beat.control_applied).collect::<Vec<_>>())
            .bind(beats.iter().map(|beat| under_way(&beat.under_way)).collect::<Vec<_>>())
            .bind(value::micros(lease))
            .fetch_all(&self.lease)
            .await
            .map_err(StoreError::new("heartbeats"))?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(Beat {
                worker: WorkerId::new(row.try_get("id")?),
                org: row.try_get("org")?,
                control_version: row.try_get("control_version")?,
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("heartbeats"))
    }

    /// Workers whose lease is over.
    pub async fn expired_workers(&self, rows: i64) -> Result<Vec<WorkerId>, StoreError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(include_str!("../sql/expired_workers.sql"))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("expired_workers"))?;
        Ok(ids.into_iter().map(WorkerId::new).collect())
    }

    /// Forgets workers that ended longer ago than that; says how many.
    pub async fn forget_workers(&self, ended: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("../sql/forget_workers.sql"))
            .bind(value::micros(ended))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_workers"))?;
        Ok(done.rows_affected())
    }

    /// Workers of an org: the live ones and those that ended lately.
    pub async fn workers_list(&self, org: &Org, rows: i64) -> Result<Vec<WorkerRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/workers_list.sql"))
            .bind(org.as_str())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("workers_list"))?;
        found.iter().map(worker_row).collect::<Result<_, _>>().map_err(StoreError::new("workers_list"))
    }
}

fn intent(intent: Intent) -> &'static str {
    match intent {
        Intent::Working => "working",
        Intent::Draining => "draining",
        Intent::Solitary => "solitary",
    }
}

fn under_way(functions: &[UnderWay]) -> String {
    value::json(&functions).expect("text, numbers and ids always encode as JSON")
}

fn worker_row(row: &sqlx::postgres::PgRow) -> Result<WorkerRow, sqlx::Error> {
    let under_way: serde_json::Value = row.try_get("under_way")?;
    Ok(WorkerRow {
        worker: WorkerId::new(row.try_get("id")?),
        name: row.try_get("name")?,
        host: row.try_get("host")?,
        process: row.try_get("process")?,
        build: row.try_get("build")?,
        queues: row.try_get("queues")?,
        workflows: row.try_get("workflows")?,
        functions: row.try_get("functions")?,
        run_slots: row.try_get("run_slots")?,
        step_slots: row.try_get("step_slots")?,
        free_runs: row.try_get("free_runs")?,
        free_steps: row.try_get("free_steps")?,
        intent: row.try_get("intent")?,
        under_way: serde_json::from_value(under_way).map_err(value::decode_error)?,
        registered_at: value::time(row, "registered_at")?,
        beat_at: value::time(row, "beat_at")?,
        lease_until: value::time(row, "lease_until")?,
        ended_at: value::maybe_time(row, "ended_at")?,
        end_reason: row.try_get("end_reason")?,
        held: row.try_get("held")?,
        executing: row.try_get("executing")?,
    })
}
