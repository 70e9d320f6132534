//! What operators do to a run: kill, pause, resume; and the locks they take.

use piton_shared::{
    ids::{AttemptId, RunId, WorkerId},
    message::wake::{Action, Control},
    name::Org,
    state::RunState,
    time::Timestamp,
};
use sqlx::{PgConnection, Postgres, Row, Transaction};
use uuid::Uuid;

use super::{Offer, Published, Store, StoreError, ready, step, value};
use crate::failpoint::failpoint;

/// What a kill came to.
#[derive(Debug, Clone)]
pub enum KillOutcome {
    /// It is committed.
    Killed {
        /// The control's version.
        version: i64,
        /// Who held the run, or executed something of it, and has to confirm.
        holders: Vec<WorkerId>,
    },
    /// It had ended before.
    Ended(RunState),
}

/// What a pause came to.
#[derive(Debug, Clone)]
pub enum PauseOutcome {
    /// It is committed.
    Paused {
        /// The control's version.
        version: i64,
        /// Who holds the run, or executes something of it, and has to confirm.
        holders: Vec<WorkerId>,
    },
    /// It was paused before.
    Before,
    /// It had ended before.
    Ended(RunState),
}

/// What a resume came to.
#[derive(Debug, Clone)]
pub enum ResumeOutcome {
    /// It goes on.
    Resumed {
        /// Where it stands now; it is to be published if it is queued.
        run: Published,
        /// Work of it that waits for workers again.
        offers: Vec<Offer>,
        /// The control's version, if it was paused.
        version: Option<i64>,
        /// Who holds it and is to be told.
        holder: Option<WorkerId>,
    },
    /// Nothing had stopped it.
    Unstopped(RunState),
}

/// What stands in a run's row, after its lock.
#[derive(Debug, Clone)]
pub struct StateLook {
    /// Where it stands.
    pub state: RunState,
    /// Claims so far.
    pub attempts: u32,
    /// When somebody asked that it be cancelled.
    pub cancel_asked_at: Option<Timestamp>,
    /// When it was paused, if it is.
    pub paused_at: Option<Timestamp>,
}

/// Locks runs by id alone, in id order; what they hold is looked at by a later statement.
pub(super) async fn lock_runs(tx: &mut Transaction<'_, Postgres>, runs: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query(include_str!("sql/lock_runs.sql"))
        .bind(runs)
        .fetch_all(&mut **tx)
        .await
        .map(drop)
        .map_err(StoreError::new("lock_runs"))
}

/// Draws the next control version of an org, which orders controls by their commits.
async fn number_control(tx: &mut Transaction<'_, Postgres>, org: &Org) -> Result<i64, StoreError> {
    sqlx::query_scalar(include_str!("sql/number_control.sql"))
        .bind(org.as_str())
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::new("number_control"))
}

pub(super) async fn run_state(
    tx: &mut Transaction<'_, Postgres>,
    run: RunId,
    org: &Org,
) -> Result<Option<StateLook>, StoreError> {
    let row = sqlx::query(include_str!("sql/run_state.sql"))
        .bind(run.uuid())
        .bind(org.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::new("run_state"))?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(StateLook {
            state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
            attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
            cancel_asked_at: value::maybe_time(row, "cancel_asked_at")?,
            paused_at: value::maybe_time(row, "paused_at")?,
        })
    };
    row.as_ref().map(read).transpose().map_err(StoreError::new("run_state"))
}

impl Store {
    /// Kills a run. From this commit on no result of it is accepted. None when there is no such run in the org.
    pub async fn kill(&self, run: RunId, org: &Org) -> Result<Option<KillOutcome>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("kill"))?;
        lock_runs(&mut tx, &[run.uuid()]).await?;
        let Some(look) = run_state(&mut tx, run, org).await? else {
            return Ok(None);
        };
        failpoint!("kill-looked");
        if look.state.is_terminal() {
            return Ok(Some(KillOutcome::Ended(look.state)));
        }
        let version = number_control(&mut tx, org).await?;
        failpoint!("kill-numbered");
        let holders: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/kill.sql"))
            .bind(run.uuid())
            .bind(org.as_str())
            .bind(version)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::new("kill"))?;
        tx.commit().await.map_err(StoreError::new("kill"))?;
        Ok(Some(KillOutcome::Killed { version, holders: holders.into_iter().map(WorkerId::new).collect() }))
    }

    /// Pauses a run: from this commit on nothing of it is given to anybody. None when there is no such run in the org.
    pub async fn pause(&self, run: RunId, org: &Org) -> Result<Option<PauseOutcome>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("pause"))?;
        lock_runs(&mut tx, &[run.uuid()]).await?;
        let Some(look) = run_state(&mut tx, run, org).await? else {
            return Ok(None);
        };
        if look.state.is_terminal() {
            return Ok(Some(PauseOutcome::Ended(look.state)));
        }
        if look.paused_at.is_some() {
            return Ok(Some(PauseOutcome::Before));
        }
        let version = number_control(&mut tx, org).await?;
        sqlx::query(include_str!("sql/lock_steps.sql"))
            .bind(run.uuid())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("lock_steps"))?;
        let holders: Vec<Uuid> = sqlx::query_scalar(include_str!("sql/pause.sql"))
            .bind(run.uuid())
            .bind(org.as_str())
            .bind(version)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::new("pause"))?;
        tx.commit().await.map_err(StoreError::new("pause"))?;
        Ok(Some(PauseOutcome::Paused { version, holders: holders.into_iter().map(WorkerId::new).collect() }))
    }

    /// Whether each of these workers has applied a control, or its lease has ended.
    pub async fn control_confirmed(&self, workers: &[WorkerId], version: i64) -> Result<bool, StoreError> {
        sqlx::query_scalar(include_str!("sql/control_confirmed.sql"))
            .bind(workers.iter().map(|worker| worker.uuid()).collect::<Vec<_>>())
            .bind(version)
            .fetch_one(&self.calm)
            .await
            .map_err(StoreError::new("control_confirmed"))
    }

    /// Lets a run go on that is parked or paused. None when there is no such run.
    pub async fn resume(&self, run: RunId, org: &Org) -> Result<Option<ResumeOutcome>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("resume"))?;
        lock_runs(&mut tx, &[run.uuid()]).await?;
        let Some(look) = run_state(&mut tx, run, org).await? else {
            return Ok(None);
        };
        if look.state != RunState::Parked && look.paused_at.is_none() {
            return Ok(Some(ResumeOutcome::Unstopped(look.state)));
        }
        // Only who was told of a pause is told that it is over.
        let version = if look.paused_at.is_some() { Some(number_control(&mut tx, org).await?) } else { None };
        let resumed = resume_locked(&mut tx, run.uuid(), org, version).await?;
        tx.commit().await.map_err(StoreError::new("resume"))?;
        Ok(Some(resumed))
    }

    /// Gives held runs back without a strike: published at once, or after a moment in the backlog.
    pub async fn hand_back(
        &self,
        worker: WorkerId,
        runs: &[(RunId, AttemptId)],
        after: Option<std::time::Duration>,
    ) -> Result<Vec<Published>, StoreError> {
        let ids: Vec<_> = runs.iter().map(|(run, _)| run.uuid()).collect();
        let attempts: Vec<_> = runs.iter().map(|(_, attempt)| Some(attempt.uuid())).collect();
        let mut tx = self.calm.begin().await.map_err(StoreError::new("hand_back"))?;
        lock_runs(&mut tx, &ids).await?;
        let rows = sqlx::query(include_str!("sql/requeue.sql"))
            .bind(ids)
            .bind(worker.uuid())
            .bind(attempts)
            .bind(Vec::<Option<i16>>::new())
            .bind(Vec::<Option<i32>>::new())
            .bind(Vec::<bool>::new())
            .bind(after.map(value::micros))
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("requeue"))?;
        tx.commit().await.map_err(StoreError::new("hand_back"))?;
        ready::published_rows(&rows).map_err(StoreError::new("requeue"))
    }

    /// Controls of an org after a version, in their order.
    pub async fn controls_after(&self, org: &str, version: i64, rows: i64) -> Result<Vec<Control>, StoreError> {
        let found = sqlx::query(include_str!("sql/controls_after.sql"))
            .bind(org)
            .bind(version)
            .bind(rows)
            .fetch_all(&self.lease)
            .await
            .map_err(StoreError::new("controls_after"))?;
        let read = |row: &sqlx::postgres::PgRow| {
            let action: &str = row.try_get("action")?;
            Ok(Control {
                version: row.try_get("version")?,
                run: RunId::new(row.try_get("run_id")?),
                action: match action {
                    "kill" => Action::Kill,
                    "pause" => Action::Pause,
                    "unpause" => Action::Unpause,
                    other => return Err(value::unknown("control", other)),
                },
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("controls_after"))
    }
}

/// Lets a run go on that is parked or paused; its lock is held.
pub(super) async fn resume_locked(
    connection: &mut PgConnection,
    run: Uuid,
    org: &Org,
    version: Option<i64>,
) -> Result<ResumeOutcome, StoreError> {
    let row = sqlx::query(include_str!("sql/resume.sql"))
        .bind(run)
        .bind(org.as_str())
        .bind(version)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::new("resume"))?;
    let steps = sqlx::query(include_str!("sql/resume_steps.sql"))
        .bind(run)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("resume_steps"))?;
    let read = || {
        let published = ready::published_run(&row)?;
        let mut offers = Vec::new();
        for row in &steps {
            if row.try_get::<Option<jiff_sqlx::Timestamp>, _>("due_at")?.is_none() {
                offers.push(step::offer(row)?);
            }
        }
        Ok(ResumeOutcome::Resumed {
            holder: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
            version,
            run: published,
            offers,
        })
    };
    read().map_err(StoreError::new("resume"))
}
