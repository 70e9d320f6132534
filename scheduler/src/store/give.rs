//! Giving dispatched work into workers' hands: no run is locked, the work's own row says whether it may be given.

use std::time::Duration;

use piton_shared::{
    ids::{Epoch, HoldId, WorkerId},
    journal::Payload,
    message::dispatch::{DispatchId, StepAsk},
    name::Build,
    replay::StepOptions,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};

use super::{Depth, Executing, Offer, Store, StoreError, ready, step, value};

/// Dispatched work that was granted.
#[derive(Debug)]
pub struct GrantedStep {
    /// The work.
    pub dispatch: DispatchId,
    /// The number of its offer.
    pub epoch: Epoch,
    /// The hold.
    pub hold: HoldId,
    /// The function.
    pub function: String,
    /// Its input.
    pub input: Payload,
    /// How it is executed.
    pub terms: StepOptions,
    /// The number of the try that begins.
    pub try_number: u32,
    /// Tries that failed before.
    pub failed_tries: u32,
    /// When its first try began.
    pub first_started_at: Option<Timestamp>,
    /// Trace context of its run.
    pub trace: Option<String>,
    /// How long it had waited.
    pub lag: Duration,
    /// The newest control that the statement saw.
    pub control_version: i64,
}

/// Dispatched work whose next try is due.
#[derive(Debug)]
pub struct DueStep {
    /// It waits for a worker now.
    pub offer: Offer,
    /// How late it is.
    pub lag: Duration,
}

impl Store {
    /// Grants what can be granted of `asks` (sorted by work) to a worker that lives.
    pub async fn claim_steps(&self, worker: WorkerId, asks: &[StepAsk]) -> Result<Vec<GrantedStep>, StoreError> {
        let names = step::names(asks.iter().map(|ask| &ask.dispatch));
        let rows = sqlx::query(include_str!("sql/step_claim.sql"))
            .bind(worker.uuid())
            .bind(names.runs)
            .bind(names.keys)
            .bind(names.items)
            .bind(asks.iter().map(|ask| value::int(ask.epoch.0)).collect::<Vec<_>>())
            .bind(asks.iter().map(|ask| ask.hold.uuid()).collect::<Vec<_>>())
            .fetch_all(&self.hot)
            .await
            .map_err(StoreError::new("step_claim"))?;
        rows.iter().map(granted).collect::<Result<_, _>>().map_err(StoreError::new("step_claim"))
    }

    /// Marks waiting work as published, where nothing happened since it was looked at.
    pub async fn publish_steps(&self, offers: &[Offer]) -> Result<Vec<Offer>, StoreError> {
        self.offers(include_str!("sql/step_publish.sql"), "step_publish", offers).await
    }

    /// Publishes work anew with a new epoch, where nothing happened since it was looked at.
    pub async fn republish_steps(&self, offers: &[Offer]) -> Result<Vec<Offer>, StoreError> {
        self.offers(include_str!("sql/step_republish.sql"), "step_republish", offers).await
    }

    /// Makes up to `rows` publishes overdue, however patient they were: their stream was made anew. Returns how many.
    pub async fn step_publishes_reset(&self, patience: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("sql/step_publishes_reset.sql"))
            .bind(value::micros(patience))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("step_publishes_reset"))?;
        Ok(done.rows_affected())
    }

    /// Their tasks lie undelivered in the stream: look again later.
    pub async fn steps_still_waiting(&self, offers: &[Offer]) -> Result<(), StoreError> {
        self.offers(include_str!("sql/step_still_waiting.sql"), "step_still_waiting", offers).await.map(drop)
    }

    pub(super) async fn offers(
        &self,
        sql: &'static str,
        name: &'static str,
        offers: &[Offer],
    ) -> Result<Vec<Offer>, StoreError> {
        let mut sorted: Vec<_> = offers.iter().collect();
        sorted.sort_unstable_by_key(|offer| &offer.dispatch);
        let names = step::names(sorted.iter().map(|offer| &offer.dispatch));
        let rows = sqlx::query(sql)
            .bind(names.runs)
            .bind(names.keys)
            .bind(names.items)
            .bind(sorted.iter().map(|offer| value::int(offer.epoch.0)).collect::<Vec<_>>())
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new(name))?;
        step::offer_rows(&rows).map_err(StoreError::new(name))
    }

    /// Work that was published longer ago than its patience.
    pub async fn steps_overdue(&self, patience: Duration, rows: i64) -> Result<Vec<Offer>, StoreError> {
        let found = sqlx::query(include_str!("sql/steps_overdue.sql"))
            .bind(value::micros(patience))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("steps_overdue"))?;
        step::offer_rows(&found).map_err(StoreError::new("steps_overdue"))
    }

    /// Up to `rows` of what waits for room in a queue, oldest runs first.
    pub async fn step_backlog(&self, depth: &Depth, rows: i64) -> Result<Vec<Offer>, StoreError> {
        let found = sqlx::query(include_str!("sql/step_backlog.sql"))
            .bind(depth.org.as_str())
            .bind(depth.queue.as_str())
            .bind(depth.build.as_ref().map(Build::as_str))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("step_backlog"))?;
        step::offer_rows(&found).map_err(StoreError::new("step_backlog"))
    }

    /// How full each queue is of dispatched work; what waits is counted up to a bound.
    pub async fn step_depths(&self, bound: i64) -> Result<Vec<Depth>, StoreError> {
        let rows = sqlx::query(include_str!("sql/step_depths.sql"))
            .bind(bound)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("step_depths"))?;
        rows.iter().map(ready::depth).collect::<Result<_, _>>().map_err(StoreError::new("step_depths"))
    }

    /// Work whose next try is due: from now on it waits for a worker.
    pub async fn steps_due(&self, rows: i64) -> Result<Vec<DueStep>, StoreError> {
        let found = sqlx::query(include_str!("sql/steps_due.sql"))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("steps_due"))?;
        let read = |row: &PgRow| Ok(DueStep { offer: step::offer(row)?, lag: lag(row)? });
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("steps_due"))
    }

    /// A page of what workers are said to execute for longer than `age`, after some work.
    pub async fn steps_held_page(
        &self,
        after: &DispatchId,
        age: Duration,
        rows: i64,
    ) -> Result<Vec<Executing>, StoreError> {
        let found = sqlx::query(include_str!("sql/steps_held_page.sql"))
            .bind(after.run.uuid())
            .bind(after.key.as_str())
            .bind(value::int(after.item))
            .bind(value::micros(age))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("steps_held_page"))?;
        let read = |row: &PgRow| {
            Ok(Executing {
                dispatch: step::dispatch(row)?,
                worker: WorkerId::new(row.try_get("worker")?),
                hold: HoldId::new(row.try_get("hold")?),
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("steps_held_page"))
    }

    /// The input of dispatched work, if this hold of this worker counts.
    pub async fn step_input(
        &self,
        dispatch: &DispatchId,
        hold: HoldId,
        worker: WorkerId,
    ) -> Result<Option<Payload>, StoreError> {
        sqlx::query_scalar(include_str!("sql/step_input.sql"))
            .bind(dispatch.run.uuid())
            .bind(dispatch.key.as_str())
            .bind(value::int(dispatch.item))
            .bind(hold.uuid())
            .bind(worker.uuid())
            .fetch_optional(&self.hot)
            .await
            .map_err(StoreError::new("step_input"))
    }
}

fn lag(row: &PgRow) -> Result<Duration, sqlx::Error> {
    Ok(Duration::from_micros(u64::try_from(row.try_get::<i64, _>("lag_micros")?).unwrap_or(0)))
}

fn granted(row: &PgRow) -> Result<GrantedStep, sqlx::Error> {
    Ok(GrantedStep {
        dispatch: step::dispatch(row)?,
        epoch: Epoch(row.try_get::<i32, _>("epoch")?.unsigned_abs()),
        hold: HoldId::new(row.try_get("hold")?),
        function: row.try_get("function")?,
        input: row.try_get("input")?,
        terms: value::terms(row.try_get("terms")?)?,
        try_number: row.try_get::<i32, _>("try_number")?.unsigned_abs(),
        failed_tries: row.try_get::<i32, _>("failed_tries")?.unsigned_abs(),
        first_started_at: value::maybe_time(row, "first_started_at")?,
        trace: row.try_get("trace")?,
        lag: lag(row)?,
        control_version: row.try_get("control_version")?,
    })
}
