//! Firing schedules: one transaction looks, and writes what comes of it.

use std::{collections::HashMap, time::Duration};

use piton_schedule::{LastRun, Next};
use piton_shared::{ids::RunId, limits, message::define::DefinitionKind, name::Org, time::Timestamp};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{
    Firing, Outcome, Plan,
    read::{maybe, plan},
};
use crate::{
    failpoint::failpoint,
    gather::pieces,
    store::{
        Accepted, BuildRow, CancelOutcome, Needed, NewRun, Served, ServedReader, Store, StoreError, control::lock_runs,
        definition::definition_builds, intake::intake, outside::cancel, served::served, value,
    },
};

/// A schedule that is due, locked.
#[derive(Debug, Clone)]
pub struct DueSchedule {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// Its name.
    pub name: String,
    /// What it does.
    pub plan: Plan,
    /// The first occurrence that nobody has looked at.
    pub next_at: Option<Timestamp>,
    /// The occurrence that waits for the end of the last run.
    pub waiting_at: Option<Timestamp>,
    /// The last run that its rhythm has started.
    pub last_run: Option<RunId>,
    /// Whether that goes on.
    pub last: LastRun,
    /// Occurrences, of those that may be due, that have started a run before: somebody has set the schedule back.
    pub started: Vec<Timestamp>,
    /// Since when a scheduler has been looking for due schedules of its org without a gap.
    pub watched: Timestamp,
}

/// How a schedule stands after a look.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Which.
    pub schedule: Uuid,
    /// Its next occurrence.
    pub next: Option<Next>,
    /// The last occurrence that was looked at, if any was.
    pub last_at: Option<Timestamp>,
    /// The occurrence that waits.
    pub waiting_at: Option<Timestamp>,
    /// The last run that was started, if any was.
    pub last_run: Option<RunId>,
}

/// Schedules that are due, locked by a transaction.
pub struct LockedSchedules {
    tx: Transaction<'static, Postgres>,
    /// The time by which they are due.
    pub now: Timestamp,
    /// Each of them.
    pub due: Vec<DueSchedule>,
}

impl Store {
    /// Locks schedules that are due, and those of which an occurrence waits for a run that has ended. Those that somebody else
    /// has locked are his. With an id only that one is looked at. None when there is nothing to do.
    pub async fn schedules_lock(&self, rows: i64, only: Option<Uuid>) -> Result<Option<LockedSchedules>, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("schedules_lock"))?;
        let found = sqlx::query(include_str!("../sql/schedules_lock.sql"))
            .bind(rows)
            .bind(only)
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("schedules_lock"))?;
        let Some(first) = found.first() else {
            return Ok(None);
        };
        let now = value::time(first, "now").map_err(StoreError::new("schedules_lock"))?;
        let mut due: Vec<_> = found
            .iter()
            .map(|row| due_schedule(row, now))
            .collect::<Result<_, _>>()
            .map_err(StoreError::new("schedules_lock"))?;
        failpoint!("schedules-locked");
        // Lock first, look after: what the lock waited for is seen only by a later statement.
        let looks = sqlx::query(include_str!("../sql/schedules_look.sql"))
            .bind(due.iter().map(|schedule| schedule.id).collect::<Vec<_>>())
            .fetch_all(&mut *tx)
            .await
            .map_err(StoreError::new("schedules_look"))?;
        for look in &looks {
            seen(look, &mut due).map_err(StoreError::new("schedules_look"))?;
        }
        Ok(Some(LockedSchedules { tx, now, due }))
    }

    /// Puts the firing of a schedule off: the database refuses what it would write.
    pub async fn schedule_put_off(&self, schedule: Uuid, by: Duration) -> Result<(), StoreError> {
        sqlx::query(include_str!("../sql/schedule_put_off.sql"))
            .bind(schedule)
            .bind(i64::try_from(by.as_secs()).unwrap_or(i64::MAX))
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("schedule_put_off"))?;
        Ok(())
    }
}

/// A run whose schedule fires again, and which is to be cancelled for it.
#[derive(Debug, Clone)]
pub struct Superseded {
    /// The run.
    pub run: RunId,
    /// Whose.
    pub org: Org,
    /// Why.
    pub reason: String,
}

impl ServedReader for LockedSchedules {
    async fn served(&mut self, needed: &[Needed]) -> Result<Vec<Served>, StoreError> {
        served(&mut self.tx, needed).await
    }
}

impl LockedSchedules {
    /// The builds of a definition, the one that counts first, read within the transaction.
    pub async fn definition_builds(
        &mut self,
        org: &Org,
        kind: DefinitionKind,
        name: &str,
        rows: i64,
    ) -> Result<Vec<BuildRow>, StoreError> {
        definition_builds(&mut self.tx, org, kind, name, rows).await
    }

    /// Cancels runs within the transaction; says what came of each that is there.
    pub async fn cancel(&mut self, superseded: &[Superseded]) -> Result<Vec<(RunId, CancelOutcome)>, StoreError> {
        // All locks at once, in the order in which everybody takes them.
        let ids: Vec<_> = superseded.iter().map(|run| run.run.uuid()).collect();
        if !ids.is_empty() {
            lock_runs(&mut self.tx, &ids).await?;
        }
        let mut outcomes = Vec::new();
        for Superseded { run, org, reason } in superseded {
            if let Some(outcome) = cancel(&mut self.tx, *run, org, reason).await? {
                outcomes.push((*run, outcome));
            }
        }
        Ok(outcomes)
    }

    /// Inserts the runs, writes what became of each occurrence, moves the schedules on, and commits. A run that is missing in the
    /// answer was not inserted, for there is no such org: its firing is written as refused.
    pub async fn write(
        mut self,
        runs: &[NewRun],
        mut firings: Vec<Firing>,
        moved: &[Moved],
    ) -> Result<HashMap<RunId, Accepted>, StoreError> {
        let mut accepted = HashMap::with_capacity(runs.len());
        for piece in pieces(runs, limits::COMMIT_ROWS / 2, NewRun::weight) {
            let runs = intake(&mut self.tx, piece, Duration::ZERO).await?;
            accepted.extend(runs.into_iter().map(|run| (run.run, run)));
        }
        for firing in &mut firings {
            if let Outcome::Started(run) = firing.outcome
                && !accepted.contains_key(&run)
            {
                firing.outcome = Outcome::Refused(format!("there is no org `{}`", firing.org));
            }
        }
        firings_write(&mut self.tx, &firings).await?;
        let at = |of: fn(&Moved) -> Option<Timestamp>| moved.iter().map(|one| maybe(of(one))).collect::<Vec<_>>();
        sqlx::query(include_str!("../sql/schedules_move.sql"))
            .bind(moved.iter().map(|one| one.schedule).collect::<Vec<_>>())
            .bind(at(|one| one.next.map(|next| next.occurrence)))
            .bind(at(|one| one.next.map(|next| next.fire_at)))
            .bind(at(|one| one.last_at))
            .bind(at(|one| one.waiting_at))
            .bind(moved.iter().map(|one| one.last_run.map(RunId::uuid)).collect::<Vec<_>>())
            .execute(&mut *self.tx)
            .await
            .map_err(StoreError::new("schedules_move"))?;
        failpoint!("schedules-written", Ok(HashMap::new()));
        self.tx.commit().await.map_err(StoreError::new("schedules_move"))?;
        Ok(accepted)
    }
}

async fn firings_write(tx: &mut Transaction<'static, Postgres>, firings: &[Firing]) -> Result<(), StoreError> {
    if firings.is_empty() {
        return Ok(());
    }
    let run = |firing: &Firing| match &firing.outcome {
        Outcome::Started(run) => Some(run.uuid()),
        Outcome::Skipped | Outcome::Missed(_) | Outcome::Queued | Outcome::Refused(_) => None,
    };
    let missed = |firing: &Firing| match &firing.outcome {
        Outcome::Missed(missed) => Some(*missed),
        Outcome::Started(_) | Outcome::Skipped | Outcome::Queued | Outcome::Refused(_) => None,
    };
    let reason = |firing: &Firing| match &firing.outcome {
        Outcome::Refused(reason) => Some(reason.clone()),
        Outcome::Started(_) | Outcome::Skipped | Outcome::Missed(_) | Outcome::Queued => None,
    };
    let count = |firing: &Firing| missed(firing).map_or(1, |missed| i32::try_from(missed.count).unwrap_or(i32::MAX));
    sqlx::query(include_str!("../sql/firings_write.sql"))
        .bind(firings.iter().map(|firing| firing.org.to_string()).collect::<Vec<_>>())
        .bind(firings.iter().map(|firing| firing.schedule).collect::<Vec<_>>())
        .bind(firings.iter().map(|firing| value::at(firing.occurrence)).collect::<Vec<_>>())
        .bind(firings.iter().map(|firing| firing.outcome.as_str().to_owned()).collect::<Vec<_>>())
        .bind(firings.iter().map(run).collect::<Vec<_>>())
        .bind(firings.iter().map(count).collect::<Vec<_>>())
        .bind(firings.iter().map(|firing| maybe(missed(firing).map(|missed| missed.first))).collect::<Vec<_>>())
        .bind(firings.iter().map(reason).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::new("firings_write"))?;
    Ok(())
}

/// A locked schedule, before more is known of it: watched from now on.
fn due_schedule(row: &PgRow, now: Timestamp) -> Result<DueSchedule, sqlx::Error> {
    Ok(DueSchedule {
        id: row.try_get("id")?,
        org: Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?,
        name: row.try_get("name")?,
        plan: plan(row)?,
        next_at: value::maybe_time(row, "next_at")?,
        waiting_at: value::maybe_time(row, "waiting_at")?,
        last_run: row.try_get::<Option<_>, _>("last_run")?.map(RunId::new),
        last: LastRun::Over,
        started: Vec::new(),
        watched: now,
    })
}

fn seen(look: &PgRow, due: &mut [DueSchedule]) -> Result<(), sqlx::Error> {
    let id: Uuid = look.try_get("id")?;
    if let Some(schedule) = due.iter_mut().find(|schedule| schedule.id == id) {
        schedule.watched = value::time(look, "watched")?;
        schedule.last = if look.try_get("goes_on")? { LastRun::GoesOn } else { LastRun::Over };
        schedule.started =
            look.try_get::<Vec<jiff_sqlx::Timestamp>, _>("started")?.into_iter().map(value::from).collect();
    }
    Ok(())
}
