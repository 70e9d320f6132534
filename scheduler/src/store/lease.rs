//! Workers' leases.

use std::time::Duration;

use piton_shared::{
    ids::{RunId, WorkerId},
    message::worker::{Heartbeat, Intent, Register, UnderWay},
    name::Org,
    time::Timestamp,
};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{BatchId, Offer, Published, Store, StoreError, batch, control, step, value};
use crate::failpoint::failpoint;

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

/// What a worker left behind.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// Runs it held: each is queued again, in the backlog or parked.
    pub runs: Vec<Published>,
    /// Dispatched work that waits for another worker.
    pub offers: Vec<Offer>,
    /// Runs that are parked because of work that died with its worker too often.
    pub poisoned: Vec<RunId>,
    /// Batches of which an item has failed because it died with its workers too often: they go on.
    pub batches: Vec<BatchId>,
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
        let row = sqlx::query(include_str!("sql/register.sql"))
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

    /// Renews leases in one commit, each for as long as its worker was told at registration, or for `lease` if that is not
    /// known; those that had ended are missing in the answer.
    pub async fn heartbeats(&self, beats: &[Heartbeat], lease: Duration) -> Result<Vec<Beat>, StoreError> {
        let rows = sqlx::query(include_str!("sql/heartbeats.sql"))
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
        let ids: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/expired_workers.sql"))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("expired_workers"))?;
        Ok(ids.into_iter().map(WorkerId::new).collect())
    }

    /// Ends a lease that is over and requeues what the worker held. What may have begun there gets a strike. If that makes
    /// `strikes`, a run that ran alone there is parked, a run is that gave such a step away, and an item of a batch fails
    /// for good. None when the worker came back in time, or another scheduler was first.
    pub async fn end_lease(&self, worker: WorkerId, strikes: u32) -> Result<Option<Ended>, StoreError> {
        self.end(worker, End::LeaseOver { strikes }).await
    }

    /// Ends a worker that leaves; what it still holds is requeued without a strike.
    pub async fn leave(&self, worker: WorkerId) -> Result<Option<Ended>, StoreError> {
        self.end(worker, End::Left).await
    }

    async fn end(&self, worker: WorkerId, end: End) -> Result<Option<Ended>, StoreError> {
        let (lock, query) = match end {
            End::LeaseOver { .. } => (include_str!("sql/end_lease_lock.sql"), "end_lease_lock"),
            End::Left => (include_str!("sql/leave_lock.sql"), "leave_lock"),
        };
        let mut tx = self.calm.begin().await.map_err(StoreError::new(query))?;
        // The lock waits for claims under way; only the statement after it sees what they were granted.
        let locked: Option<Uuid> = sqlx::query_scalar(lock)
            .bind(worker.uuid())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new(query))?;
        if locked.is_none() {
            return Ok(None);
        }
        let held: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/held_by.sql"))
            .bind(worker.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("held_by"))?;
        failpoint!("end-lease-looked");
        let executed: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/steps_held_by.sql"))
            .bind(worker.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("steps_held_by"))?;
        let mut locked: Vec<Uuid> = held.iter().chain(&executed).copied().collect();
        locked.sort_unstable();
        locked.dedup();
        control::lock_runs(&mut tx, &locked).await?;
        let attempts = vec![None::<Uuid>; held.len()];
        let (strike, poison) = match end {
            End::LeaseOver { strikes } => (1_i16, Some(value::int(strikes))),
            End::Left => (0, None),
        };
        let requeued = sqlx::query(include_str!("sql/requeue.sql"))
            .bind(&held)
            .bind(worker.uuid())
            .bind(attempts)
            .bind(strike)
            .bind(poison)
            .bind(None::<i64>)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("requeue"))?;
        let batches = match end {
            End::LeaseOver { strikes } if !executed.is_empty() => {
                batch::fail_poisoned(&mut tx, worker, &executed, strikes).await?
            }
            End::LeaseOver { .. } | End::Left => Vec::new(),
        };
        let (offers, poisoned) = if executed.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            lost_steps(&mut tx, worker, &executed, end).await?
        };
        sqlx::query(include_str!("sql/end_worker.sql"))
            .bind(worker.uuid())
            .bind(match end {
                End::LeaseOver { .. } => "lease_over",
                End::Left => "left",
            })
            .execute(&mut *tx)
            .await
            .map_err(StoreError::new("end_worker"))?;
        tx.commit().await.map_err(StoreError::new("end_worker"))?;
        let mut runs = super::ready::published_rows(&requeued).map_err(StoreError::new("requeue"))?;
        runs.retain(|run| !poisoned.contains(&run.run));
        Ok(Some(Ended { runs, offers, poisoned, batches }))
    }

    /// Forgets workers that ended longer ago than that; says how many.
    pub async fn forget_workers(&self, ended: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("sql/forget_workers.sql"))
            .bind(value::micros(ended))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_workers"))?;
        Ok(done.rows_affected())
    }

    /// Workers of an org: the live ones and those that ended lately.
    pub async fn workers_list(&self, org: &Org, rows: i64) -> Result<Vec<WorkerRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/workers_list.sql"))
            .bind(org.as_str())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("workers_list"))?;
        found.iter().map(worker_row).collect::<Result<_, _>>().map_err(StoreError::new("workers_list"))
    }
}

/// Takes dispatched work out of a worker's hands; the locks of its runs are held.
async fn lost_steps(
    tx: &mut Transaction<'_, Postgres>,
    worker: WorkerId,
    runs: &[Uuid],
    end: End,
) -> Result<(Vec<Offer>, Vec<RunId>), StoreError> {
    let (strike, poison) = match end {
        End::LeaseOver { strikes } => (1, value::int(strikes)),
        End::Left => (0, i32::MAX),
    };
    let rows = sqlx::query(include_str!("sql/steps_lost.sql"))
        .bind(worker.uuid())
        .bind(runs)
        .bind(strike)
        .bind(poison)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("steps_lost"))?;
    let (mut offers, mut runs, mut keys, mut strikes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut read = |row: &PgRow| {
        let offer = step::offer(row)?;
        match row.try_get::<Option<&str>, _>("stopped")? {
            None => offers.push(offer),
            Some("poison") => {
                runs.push(offer.dispatch.run.uuid());
                keys.push(offer.dispatch.key.as_str().to_owned());
                strikes.push(i32::from(row.try_get::<i16, _>("strikes")?));
            }
            Some(_) => {}
        }
        Ok(())
    };
    rows.iter().try_for_each(&mut read).map_err(StoreError::new("steps_lost"))?;
    if runs.is_empty() {
        return Ok((offers, Vec::new()));
    }
    let parked: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/park_poisoned.sql"))
        .bind(runs)
        .bind(keys)
        .bind(strikes)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("park_poisoned"))?;
    Ok((offers, parked.into_iter().map(RunId::new).collect()))
}

/// Why a registration ends.
#[derive(Clone, Copy)]
enum End {
    LeaseOver { strikes: u32 },
    Left,
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
