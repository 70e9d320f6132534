//! What happens to a run from outside: timers, cancels.

use std::time::Duration;

use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    name::Org,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Published, Store, StoreError, control, ready, value};

/// A run that was told something from outside.
#[derive(Debug, Clone)]
pub struct Told {
    /// The run.
    pub run: RunId,
    /// Who holds it and is to be woken, if anybody.
    pub holder: Option<(WorkerId, AttemptId)>,
    /// Results from outside, these included.
    pub outside: u32,
    /// How many of them are new.
    pub fired: u32,
    /// The run was suspended: publish it.
    pub publish: Option<Published>,
    /// How late the first of them is.
    pub lag: Duration,
}

impl Store {
    /// Fires timers that are due, of at most `rows` runs. Runs that are locked this instant are left for next time.
    pub async fn fire_due(&self, rows: i64) -> Result<Vec<Told>, StoreError> {
        let due: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/due_runs.sql"))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("due_runs"))?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.calm.begin().await.map_err(StoreError::new("fire"))?;
        let locked: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/lock_runs_free.sql"))
            .bind(&due)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("lock_runs_free"))?;
        let rows = sqlx::query(include_str!("sql/fire.sql"))
            .bind(&locked)
            .bind(nothing())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("fire"))?;
        tx.commit().await.map_err(StoreError::new("fire"))?;
        rows.iter().map(told).collect::<Result<_, _>>().map_err(StoreError::new("fire"))
    }

    /// How long until the next timer is due.
    pub async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let micros: Option<i64> = sqlx::query_scalar(include_str!("sql/next_due.sql"))
            .fetch_one(&self.calm)
            .await
            .map_err(StoreError::new("next_due"))?;
        Ok(micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
    }

    /// Asks a run to stop. None when there is no such run in the org.
    pub async fn cancel(&self, run: RunId, org: &Org, reason: &str) -> Result<Option<CancelOutcome>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("cancel"))?;
        control::lock_runs(&mut tx, &[run.uuid()]).await?;
        let Some(look) = control::run_state(&mut tx, run, org).await? else {
            return Ok(None);
        };
        let outcome = if look.state.is_terminal() {
            CancelOutcome::Ended(look.state)
        } else if look.cancel_asked_at.is_some() {
            CancelOutcome::Requested(None)
        } else if look.attempts == 0 {
            let failure = Failure::cancelled().context(reason);
            sqlx::query(include_str!("sql/cancel_unbegun.sql"))
                .bind(run.uuid())
                .bind(value::failure_bytes(&failure))
                .execute(&mut *tx)
                .await
                .map_err(StoreError::new("cancel_unbegun"))?;
            CancelOutcome::Cancelled
        } else {
            let reason = codec::encode(reason).unwrap_or_else(|_| nothing());
            let row = sqlx::query(include_str!("sql/cancel_begun.sql"))
                .bind(run.uuid())
                .bind(nothing())
                .bind(reason)
                .fetch_one(&mut *tx)
                .await
                .map_err(StoreError::new("cancel_begun"))?;
            CancelOutcome::Requested(Some(told(&row).map_err(StoreError::new("cancel_begun"))?))
        };
        tx.commit().await.map_err(StoreError::new("cancel"))?;
        Ok(Some(outcome))
    }
}

/// What a wish to cancel came to.
#[derive(Debug, Clone)]
pub enum CancelOutcome {
    /// The run had not begun and is cancelled.
    Cancelled,
    /// The workflow will see it at its next await; whom to wake, if it is new.
    Requested(Option<Told>),
    /// It had ended before.
    Ended(piton_shared::state::RunState),
}

/// The encoded unit value.
fn nothing() -> Vec<u8> {
    codec::encode(&()).expect("the unit value always encodes")
}

pub(super) fn told(row: &PgRow) -> Result<Told, sqlx::Error> {
    let run = RunId::new(row.try_get("id")?);
    let holder = match row.try_get::<Option<Uuid>, _>("worker")? {
        Some(worker) => Some((WorkerId::new(worker), AttemptId::new(row.try_get("attempt")?))),
        None => None,
    };
    Ok(Told {
        run,
        holder,
        outside: row.try_get::<i32, _>("outside")?.unsigned_abs(),
        fired: row.try_get::<i32, _>("fired")?.unsigned_abs(),
        publish: if row.try_get("published")? { Some(ready::published_run(row)?) } else { None },
        lag: Duration::from_micros(u64::try_from(row.try_get::<i64, _>("lag_micros")?).unwrap_or(0)),
    })
}
