//! What happens to a run from outside: timers, cancels.

use std::time::Duration;

use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, RunId, WorkerId},
    name::{Build, Org, Queue},
    state::RunState,
};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{Published, Room, Store, StoreError, control, ready, value};
use crate::failpoint::failpoint;

/// How often a loop looks behind what others are firing this instant, before it rests.
const LOOKS: i64 = 4;

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
    /// The run was suspended and its queue had room: publish it.
    pub publish: Option<Published>,
    /// How late the first of them is.
    pub lag: Duration,
}

impl Store {
    /// Fires timers that are due, of at most `rows` runs. Runs that are locked this instant are left for next time;
    /// where all of them are, it looks a little further.
    pub async fn fire_due(&self, rows: i64) -> Result<Vec<Told>, StoreError> {
        self.fire_due_into(rows, |_, _, _| Room::Some).await
    }

    /// As [`Store::fire_due`]; but a suspended run whose queue is said to have no room is woken into the backlog.
    pub async fn fire_due_into(
        &self,
        rows: i64,
        mut room: impl FnMut(&Org, &Queue, Option<&Build>) -> Room,
    ) -> Result<Vec<Told>, StoreError> {
        for look in 0..LOOKS {
            let due: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/due_runs.sql"))
                .bind(rows)
                .bind(look * rows)
                .fetch_all(&self.calm)
                .await
                .map_err(StoreError::new("due_runs"))?;
            if due.is_empty() {
                break;
            }
            failpoint!("fire-looked");
            if let Some(told) = self.fire(&due, &mut room).await? {
                return Ok(told);
            }
        }
        Ok(Vec::new())
    }

    /// Fires the due timers of these runs. None when others have locked all of them.
    async fn fire(
        &self,
        due: &[Uuid],
        room: &mut impl FnMut(&Org, &Queue, Option<&Build>) -> Room,
    ) -> Result<Option<Vec<Told>>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("fire"))?;
        let found = sqlx::query(include_str!("sql/fire_lock.sql"))
            .bind(due)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("fire_lock"))?;
        let locked: Vec<_> =
            found.iter().map(locked_run).collect::<Result<_, _>>().map_err(StoreError::new("fire_lock"))?;
        if locked.is_empty() {
            return Ok(None);
        }
        let no_room = |run: &&LockedRun| {
            run.state == RunState::Suspended && room(&run.org, &run.queue, run.build.as_ref()) == Room::None
        };
        let waiting: Vec<_> = locked.iter().filter(no_room).map(|run| run.id).collect();
        failpoint!("fire-locked");
        let rows = sqlx::query(include_str!("sql/fire.sql"))
            .bind(locked.iter().map(|run| run.id).collect::<Vec<_>>())
            .bind(nothing())
            .bind(waiting)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("fire"))?;
        tx.commit().await.map_err(StoreError::new("fire"))?;
        failpoint!("fire-committed");
        rows.iter().map(told).collect::<Result<_, _>>().map(Some).map_err(StoreError::new("fire"))
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
        let outcome = cancel(&mut tx, run, org, reason).await?;
        tx.commit().await.map_err(StoreError::new("cancel"))?;
        Ok(outcome)
    }
}

/// Asks a run to stop whose lock the transaction has. None when there is no such run in the org.
pub(super) async fn cancel(
    tx: &mut Transaction<'_, Postgres>,
    run: RunId,
    org: &Org,
    reason: &str,
) -> Result<Option<CancelOutcome>, StoreError> {
    let Some(look) = control::run_state(tx, run, org).await? else {
        return Ok(None);
    };
    failpoint!("cancel-looked");
    if look.state.is_terminal() {
        return Ok(Some(CancelOutcome::Ended(look.state)));
    }
    if look.cancel_asked_at.is_some() {
        return Ok(Some(CancelOutcome::Requested(None)));
    }
    if look.attempts == 0 {
        let failure = Failure::cancelled().context(reason);
        sqlx::query(include_str!("sql/cancel_unbegun.sql"))
            .bind(run.uuid())
            .bind(value::failure_bytes(&failure))
            .execute(&mut **tx)
            .await
            .map_err(StoreError::new("cancel_unbegun"))?;
        return Ok(Some(CancelOutcome::Cancelled));
    }
    let reason = codec::encode(reason).unwrap_or_else(|_| nothing());
    let row = sqlx::query(include_str!("sql/cancel_begun.sql"))
        .bind(run.uuid())
        .bind(nothing())
        .bind(reason)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::new("cancel_begun"))?;
    Ok(Some(CancelOutcome::Requested(Some(told(&row).map_err(StoreError::new("cancel_begun"))?))))
}

/// What a wish to cancel came to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each request, and it is taken apart at once")]
pub enum CancelOutcome {
    /// The run had not begun and is cancelled.
    Cancelled,
    /// The workflow will see it at its next await; whom to wake, if it is new.
    Requested(Option<Told>),
    /// It had ended before.
    Ended(RunState),
}

/// The encoded unit value.
fn nothing() -> Vec<u8> {
    codec::encode(&()).expect("the unit value always encodes")
}

/// A run with a due timer, under its lock.
struct LockedRun {
    id: Uuid,
    org: Org,
    queue: Queue,
    build: Option<Build>,
    state: RunState,
}

fn locked_run(row: &PgRow) -> Result<LockedRun, sqlx::Error> {
    let (org, queue, build) = ready::queue_of(row)?;
    let state = row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?;
    Ok(LockedRun { id: row.try_get("id")?, org, queue, build, state })
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
