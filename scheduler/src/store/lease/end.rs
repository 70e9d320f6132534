//! The end of a lease, and of a registration that leaves: what the worker held goes to others.

use piton_shared::ids::{AttemptId, RunId, WorkerId};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::strike::{self, Isolation, Next, Suspect, Verdict};
use crate::{
    failpoint::failpoint,
    store::{BatchId, Offer, Published, Store, StoreError, batch, control, ready, step, value},
};

/// What a worker left behind.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// Runs it held: each is queued again, in the backlog or parked.
    pub runs: Vec<Published>,
    /// Dispatched work that waits for another worker.
    pub offers: Vec<Offer>,
    /// Runs that are parked because leases ended too often while a step of them was executed.
    pub poisoned: Vec<Poisoned>,
    /// Batches of which an item has failed because leases ended too often while it was executed: they go on.
    pub batches: Vec<BatchId>,
}

/// A run that is parked because of a step that another worker executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poisoned {
    /// The run.
    pub run: RunId,
    /// The worker that held the run and lives, under which attempt: it has lost the run and does not know it.
    pub holder: Option<(WorkerId, AttemptId)>,
}

impl Store {
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
            End::LeaseOver { .. } => (include_str!("../sql/end_lease_lock.sql"), "end_lease_lock"),
            End::Left => (include_str!("../sql/leave_lock.sql"), "leave_lock"),
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
        let held: Vec<Uuid> = sqlx::query_scalar(include_str!("../sql/held_by.sql"))
            .bind(worker.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("held_by"))?;
        failpoint!("end-lease-looked");
        let executed: Vec<Uuid> = sqlx::query_scalar(include_str!("../sql/steps_held_by.sql"))
            .bind(worker.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("steps_held_by"))?;
        let mut locked: Vec<Uuid> = held.iter().chain(&executed).copied().collect();
        locked.sort_unstable();
        locked.dedup();
        control::lock_runs(&mut tx, &locked).await?;
        let verdicts = match end {
            End::LeaseOver { strikes } => strike::verdicts(&suspects(&mut tx, worker, &held).await?, strikes),
            End::Left => Vec::new(),
        };
        let requeued = requeue(&mut tx, worker, &held, &verdicts).await?;
        let struck: Vec<Uuid> = match end {
            End::LeaseOver { .. } => {
                verdicts.iter().map(|verdict| verdict.run).chain(executed.iter().copied()).collect()
            }
            End::Left => Vec::new(),
        };
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
        sqlx::query(include_str!("../sql/end_worker.sql"))
            .bind(worker.uuid())
            .bind(match end {
                End::LeaseOver { .. } => "lease_over",
                End::Left => "left",
            })
            .bind(struck)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::new("end_worker"))?;
        tx.commit().await.map_err(StoreError::new("end_worker"))?;
        let mut runs = ready::published_rows(&requeued).map_err(StoreError::new("requeue"))?;
        runs.retain(|run| !poisoned.iter().any(|poisoned| poisoned.run == run.run));
        Ok(Some(Ended { runs, offers, poisoned, batches }))
    }
}

/// The runs that a worker holds, with what earlier ends of leases left on them; their locks are held.
async fn suspects(
    tx: &mut Transaction<'_, Postgres>,
    worker: WorkerId,
    held: &[Uuid],
) -> Result<Vec<Suspect>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/suspects.sql"))
        .bind(held)
        .bind(worker.uuid())
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("suspects"))?;
    let read = |row: &PgRow| {
        Ok(Suspect {
            run: row.try_get("id")?,
            strikes: row.try_get::<i16, _>("strikes")?.unsigned_abs().into(),
            company: row.try_get::<Option<i32>, _>("company")?.map(i32::unsigned_abs),
            isolation: if row.try_get("alone")? { Isolation::Exclusive } else { Isolation::None },
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("suspects"))
}

/// Gives held runs back to their queues, those with a verdict as it says.
async fn requeue(
    tx: &mut Transaction<'_, Postgres>,
    worker: WorkerId,
    held: &[Uuid],
    verdicts: &[Verdict],
) -> Result<Vec<PgRow>, StoreError> {
    // Both are in the order of the runs.
    let of = |run: &Uuid| verdicts.binary_search_by_key(run, |verdict| verdict.run).ok().map(|place| &verdicts[place]);
    let strikes = held.iter().map(|run| of(run).map(|verdict| i16::try_from(verdict.strikes).unwrap_or(i16::MAX)));
    let company = held.iter().map(|run| of(run).map(|verdict| value::int(verdict.company)));
    let parked = held.iter().map(|run| of(run).is_some_and(|verdict| verdict.next == Next::Park));
    sqlx::query(include_str!("../sql/requeue.sql"))
        .bind(held)
        .bind(worker.uuid())
        .bind(vec![None::<Uuid>; held.len()])
        .bind(strikes.collect::<Vec<_>>())
        .bind(company.collect::<Vec<_>>())
        .bind(parked.collect::<Vec<_>>())
        .bind(None::<i64>)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("requeue"))
}

/// Takes dispatched work out of a worker's hands; the locks of its runs are held.
async fn lost_steps(
    tx: &mut Transaction<'_, Postgres>,
    worker: WorkerId,
    runs: &[Uuid],
    end: End,
) -> Result<(Vec<Offer>, Vec<Poisoned>), StoreError> {
    let (strike, poison) = match end {
        End::LeaseOver { strikes } => (1, value::int(strikes)),
        End::Left => (0, i32::MAX),
    };
    let rows = sqlx::query(include_str!("../sql/steps_lost.sql"))
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
    let parked = sqlx::query(include_str!("../sql/park_poisoned.sql"))
        .bind(runs)
        .bind(keys)
        .bind(strikes)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::new("park_poisoned"))?;
    let read = |row: &PgRow| {
        let worker: Option<Uuid> = row.try_get("worker")?;
        let attempt: Option<Uuid> = row.try_get("attempt")?;
        let holder = worker.zip(attempt).map(|(worker, attempt)| (WorkerId::new(worker), AttemptId::new(attempt)));
        Ok(Poisoned { run: RunId::new(row.try_get("id")?), holder })
    };
    let poisoned = parked.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("park_poisoned"))?;
    Ok((offers, poisoned))
}

/// Why a registration ends.
#[derive(Clone, Copy)]
enum End {
    LeaseOver { strikes: u32 },
    Left,
}
