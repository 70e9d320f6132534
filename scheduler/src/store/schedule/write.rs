//! Making, changing, pausing and deleting schedules.

use piton_schedule::Next;
use piton_shared::{limits, name::Org, time::Timestamp};
use sqlx::{PgConnection, Postgres, Transaction, postgres::PgArguments, query::Query};
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::{
    Plan, ScheduleOrigin, ScheduleRow, ScheduleState,
    read::{maybe, schedule},
};
use crate::store::{Store, StoreError, value};

/// What became of a schedule that somebody wants.
#[derive(Debug, Clone)]
pub enum Created {
    /// It is there.
    New(Box<ScheduleRow>),
    /// Another one has its name.
    Taken(Box<ScheduleRow>),
    /// The org has as many as it may, or is not known.
    Full,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Changed {
    /// It is done, and the schedule now stands so.
    Done(Box<ScheduleRow>),
    /// It stood so before.
    Before(Box<ScheduleRow>),
    /// Another change came first, and nothing was done: the schedule now stands so.
    Overtaken(Box<ScheduleRow>),
}

impl Store {
    /// Makes a schedule whose first occurrence is the next after now.
    pub async fn schedule_create(
        &self,
        org: &Org,
        name: &str,
        plan: &Plan,
        state: ScheduleState,
    ) -> Result<Created, StoreError> {
        let (_turn, mut tx) = self.changing("schedule_create").await?;
        let now = now(&mut tx).await?;
        let made = insert(&mut tx, org, name, plan, ScheduleOrigin::Api, state, now).await?;
        tx.commit().await.map_err(StoreError::new("schedule_create"))?;
        Ok(match (made, self.schedule_get(org, name).await?) {
            (Some(_), Some(row)) => Created::New(Box::new(row)),
            (None, Some(row)) => Created::Taken(Box::new(row)),
            (_, None) => Created::Full,
        })
    }

    /// Changes what a schedule does that was seen so. If its rhythm changes, its next occurrence is the first of the new one
    /// after now. None when there is no such schedule any more.
    pub async fn schedule_change(
        &self,
        org: &Org,
        seen: &ScheduleRow,
        plan: &Plan,
    ) -> Result<Option<Changed>, StoreError> {
        let (_turn, mut tx) = self.changing("schedule_change").await?;
        let Some(row) = lock(&mut tx, org, &seen.name).await?.filter(|row| row.id == seen.id) else {
            return Ok(None);
        };
        if row.plan != seen.plan {
            return Ok(Some(Changed::Overtaken(Box::new(row))));
        }
        if row.plan == *plan {
            return Ok(Some(Changed::Before(Box::new(row))));
        }
        change(&mut tx, &row, plan).await?;
        let row = lock(&mut tx, org, &seen.name).await?;
        tx.commit().await.map_err(StoreError::new("schedule_change"))?;
        Ok(row.map(|row| Changed::Done(Box::new(row))))
    }

    /// Stops a schedule from firing. None when there is no such schedule.
    pub async fn schedule_pause(&self, org: &Org, name: &str) -> Result<Option<Changed>, StoreError> {
        self.turn(org, name, ScheduleState::Paused).await
    }

    /// Lets a schedule fire again, from its next occurrence after now on. None when there is no such schedule.
    pub async fn schedule_resume(&self, org: &Org, name: &str) -> Result<Option<Changed>, StoreError> {
        self.turn(org, name, ScheduleState::Active).await
    }

    async fn turn(&self, org: &Org, name: &str, to: ScheduleState) -> Result<Option<Changed>, StoreError> {
        let what = match to {
            ScheduleState::Paused => "schedule_pause",
            ScheduleState::Active => "schedule_resume",
        };
        let (_turn, mut tx) = self.changing(what).await?;
        let Some(row) = lock(&mut tx, org, name).await? else {
            return Ok(None);
        };
        if row.state == to {
            return Ok(Some(Changed::Before(Box::new(row))));
        }
        let turning = match to {
            ScheduleState::Paused => sqlx::query(include_str!("../sql/schedule_pause.sql")).bind(row.id),
            ScheduleState::Active => {
                let next = row.plan.next_after(row.id, row.now);
                bound_next(sqlx::query(include_str!("../sql/schedule_resume.sql")).bind(row.id), next)
            }
        };
        turning.execute(&mut *tx).await.map_err(StoreError::new(what))?;
        let row = lock(&mut tx, org, name).await?;
        tx.commit().await.map_err(StoreError::new(what))?;
        Ok(row.map(|row| Changed::Done(Box::new(row))))
    }

    /// Deletes a schedule; its runs go on.
    pub async fn schedule_remove(&self, id: Uuid) -> Result<(), StoreError> {
        let (_turn, mut tx) = self.changing("schedules_remove").await?;
        remove(&mut tx, &[id]).await?;
        tx.commit().await.map_err(StoreError::new("schedules_remove"))
    }

    /// A transaction that may wait for a schedule's lock. Few of them at once: who fires has such locks and asks for more
    /// connections, and must not find all of them waiting for it.
    async fn changing(
        &self,
        what: &'static str,
    ) -> Result<(SemaphorePermit<'_>, Transaction<'static, Postgres>), StoreError> {
        let turn = self.schedule_turns.acquire().await.expect("it is never closed");
        let tx = self.calm.begin().await.map_err(StoreError::new(what))?;
        Ok((turn, tx))
    }
}

/// The time of a transaction.
pub(super) async fn now(connection: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let now: jiff_sqlx::Timestamp = sqlx::query_scalar(include_str!("../sql/schedule_now.sql"))
        .fetch_one(connection)
        .await
        .map_err(StoreError::new("schedule_now"))?;
    Ok(value::from(now))
}

async fn lock(connection: &mut PgConnection, org: &Org, name: &str) -> Result<Option<ScheduleRow>, StoreError> {
    let row = sqlx::query(include_str!("../sql/schedule_lock.sql"))
        .bind(org.as_str())
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(StoreError::new("schedule_lock"))?;
    row.as_ref().map(schedule).transpose().map_err(StoreError::new("schedule_lock"))
}

/// Makes a schedule. None when its name is taken, or the org is full or not known.
pub(super) async fn insert(
    connection: &mut PgConnection,
    org: &Org,
    name: &str,
    plan: &Plan,
    origin: ScheduleOrigin,
    state: ScheduleState,
    now: Timestamp,
) -> Result<Option<Uuid>, StoreError> {
    let id = Uuid::now_v7();
    let next = plan.next_after(id, now);
    let insert = sqlx::query(include_str!("../sql/schedule_insert.sql")).bind(id).bind(org.as_str()).bind(name);
    let made = bound(insert, plan, next)
        .bind(origin.as_str())
        .bind(state.as_str())
        .bind(limits::SCHEDULES)
        .execute(connection)
        .await
        .map_err(StoreError::new("schedule_insert"))?;
    Ok((made.rows_affected() > 0).then_some(id))
}

/// Changes a schedule that is locked. Its progress stays if its rhythm does.
pub(super) async fn change(connection: &mut PgConnection, row: &ScheduleRow, plan: &Plan) -> Result<(), StoreError> {
    let rhythm_stays = row.plan.expression == plan.expression && row.plan.time_zone == plan.time_zone;
    let next: Option<Next> = match row.next.filter(|_| rhythm_stays) {
        // The same occurrence; its jitter may be another.
        Some(next) => plan.next_after(row.id, Timestamp::from_micros(next.occurrence.as_micros() - 1)),
        None => plan.next_after(row.id, row.now),
    };
    bound(sqlx::query(include_str!("../sql/schedule_change.sql")).bind(row.id), plan, next)
        .execute(connection)
        .await
        .map_err(StoreError::new("schedule_change"))?;
    Ok(())
}

/// Deletes schedules.
pub(super) async fn remove(connection: &mut PgConnection, ids: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query(include_str!("../sql/schedules_remove.sql"))
        .bind(ids)
        .execute(connection)
        .await
        .map_err(StoreError::new("schedules_remove"))?;
    Ok(())
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// What a schedule does, as the statements that write it take it: its ten columns, and what is next.
fn bound<'q>(statement: Statement<'q>, plan: &'q Plan, next: Option<Next>) -> Statement<'q> {
    let statement = statement
        .bind(&plan.workflow)
        .bind(plan.queue.as_str())
        .bind(plan.build.as_ref().map(|build| build.as_str().to_owned()))
        .bind(&plan.expression)
        .bind(&plan.time_zone)
        .bind(plan.overlap.as_str())
        .bind(plan.catch_up.as_str())
        .bind(millis(plan))
        .bind(&plan.input)
        .bind(plan.tags.join(","));
    bound_next(statement, next)
}

fn bound_next(statement: Statement<'_>, next: Option<Next>) -> Statement<'_> {
    let next = next.map(|next| (next.occurrence, next.fire_at)).unzip();
    statement.bind(maybe(next.0)).bind(maybe(next.1))
}

fn millis(plan: &Plan) -> i64 {
    i64::try_from(plan.jitter.as_millis()).unwrap_or(i64::MAX)
}
