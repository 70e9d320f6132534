//! Reading schedules.

use std::time::Duration;

use piton_schedule::Next;
use piton_shared::{
    ids::RunId,
    name::{Build, Org, Queue},
    time::Timestamp,
    trigger::{CatchUp, Overlap},
};
use sqlx::{Row, postgres::PgRow};

use super::{Plan, ScheduleOrigin, ScheduleRow, ScheduleState};
use crate::store::{Store, StoreError, value};

impl Store {
    /// A schedule. None when there is none of that name in the org.
    pub async fn schedule_get(&self, org: &Org, name: &str) -> Result<Option<ScheduleRow>, StoreError> {
        let row = sqlx::query(include_str!("../sql/schedule_get.sql"))
            .bind(org.as_str())
            .bind(name)
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("schedule_get"))?;
        row.as_ref().map(schedule).transpose().map_err(StoreError::new("schedule_get"))
    }

    /// A page of schedules by their names, of one workflow or of all.
    pub async fn schedule_list(
        &self,
        org: &Org,
        after: &str,
        workflow: Option<&str>,
        rows: u32,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/schedule_list.sql"))
            .bind(org.as_str())
            .bind(after)
            .bind(workflow)
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("schedule_list"))?;
        found.iter().map(schedule).collect::<Result<_, _>>().map_err(StoreError::new("schedule_list"))
    }

    /// How long until the next schedule fires; nothing when none ever does.
    pub async fn schedules_next_due(&self) -> Result<Option<Duration>, StoreError> {
        let micros: Option<i64> = sqlx::query_scalar(include_str!("../sql/schedules_next_due.sql"))
            .fetch_one(&self.calm)
            .await
            .map_err(StoreError::new("schedules_next_due"))?;
        Ok(micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
    }
}

/// A schedule from its row.
pub(super) fn schedule(row: &PgRow) -> Result<ScheduleRow, sqlx::Error> {
    let next = value::maybe_time(row, "next_at")?.zip(value::maybe_time(row, "fire_at")?);
    Ok(ScheduleRow {
        id: row.try_get("id")?,
        org: Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?,
        name: row.try_get("name")?,
        plan: plan(row)?,
        origin: match row.try_get("origin")? {
            "declared" => ScheduleOrigin::Declared,
            "api" => ScheduleOrigin::Api,
            other => return Err(value::unknown("origin of a schedule", other)),
        },
        state: match row.try_get("state")? {
            "active" => ScheduleState::Active,
            "paused" => ScheduleState::Paused,
            other => return Err(value::unknown("state of a schedule", other)),
        },
        paused_at: value::maybe_time(row, "paused_at")?,
        created_at: value::time(row, "created_at")?,
        changed_at: value::time(row, "changed_at")?,
        next: next.map(|(occurrence, fire_at)| Next { occurrence, fire_at }),
        last_at: value::maybe_time(row, "last_at")?,
        waiting_at: value::maybe_time(row, "waiting_at")?,
        last_run: row.try_get::<Option<_>, _>("last_run")?.map(RunId::new),
        now: value::time(row, "now")?,
    })
}

/// What a schedule does, from its row.
pub(super) fn plan(row: &PgRow) -> Result<Plan, sqlx::Error> {
    let (overlap, catch_up): (&str, &str) = (row.try_get("overlap")?, row.try_get("catch_up")?);
    let build: Option<String> = row.try_get("build")?;
    Ok(Plan {
        workflow: row.try_get("workflow")?,
        queue: Queue::new(row.try_get::<String, _>("queue")?).map_err(value::decode_error)?,
        build: build.map(Build::new).transpose().map_err(value::decode_error)?,
        expression: row.try_get("expression")?,
        time_zone: row.try_get("time_zone")?,
        overlap: Overlap::ALL
            .into_iter()
            .find(|policy| policy.as_str() == overlap)
            .ok_or_else(|| value::unknown("overlap policy", overlap))?,
        catch_up: CatchUp::ALL
            .into_iter()
            .find(|policy| policy.as_str() == catch_up)
            .ok_or_else(|| value::unknown("catch-up policy", catch_up))?,
        jitter: Duration::from_millis(u64::try_from(row.try_get::<i64, _>("jitter_millis")?).unwrap_or(0)),
        input: row.try_get("input")?,
        tags: row.try_get("tags")?,
    })
}

/// A point in time that may be missing, for Postgres.
pub(super) fn maybe(at: Option<Timestamp>) -> Option<jiff_sqlx::Timestamp> {
    at.map(value::at)
}
