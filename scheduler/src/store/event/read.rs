//! Events as callers see them.

use std::{collections::HashMap, time::Duration};

use piton_shared::{ids::RunId, name::Org, time::Timestamp};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{EventRow, Refused};
use crate::store::{Store, StoreError, value};

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only those before this one.
    pub before: Option<Uuid>,
    /// Only those whose name this regular expression matches as a whole.
    pub name: Option<String>,
    /// Only those accepted then or later.
    pub since: Option<Timestamp>,
    /// Only those accepted before.
    pub until: Option<Timestamp>,
}

/// What an event came to so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// Nobody has matched it yet.
    Owed,
    /// This came of it.
    Matched(Vec<EventResult>),
}

/// One thing that came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventResult {
    /// A run.
    Started {
        /// The trigger.
        trigger: Uuid,
        /// Its workflow.
        workflow: String,
        /// The run.
        run: RunId,
    },
    /// Nothing.
    Refused {
        /// The trigger; none if the event as a whole was refused.
        trigger: Option<Uuid>,
        /// Its workflow.
        workflow: Option<String>,
        /// In a word.
        reason: Refused,
        /// In a sentence.
        detail: String,
    },
}

impl Store {
    /// One event of an org.
    pub async fn event_get(&self, event: Uuid, org: &Org) -> Result<Option<EventRow>, StoreError> {
        let row = sqlx::query(include_str!("../sql/event_get.sql"))
            .bind(event)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("event_get"))?;
        row.as_ref().map(EventRow::read).transpose().map_err(StoreError::new("event_get"))
    }

    /// A page of events, newest first.
    pub async fn event_list(&self, org: &Org, filter: &EventFilter, rows: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/event_list.sql"))
            .bind(org.as_str())
            .bind(filter.before)
            .bind(&filter.name)
            .bind(filter.since.map(value::at))
            .bind(filter.until.map(value::at))
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("event_list"))?;
        rows.iter().map(EventRow::read).collect::<Result<_, _>>().map_err(StoreError::new("event_list"))
    }

    /// What events came to so far.
    pub async fn event_came_to(&self, events: &[Uuid]) -> Result<HashMap<Uuid, EventOutcome>, StoreError> {
        let rows = sqlx::query(include_str!("../sql/event_came_to.sql"))
            .bind(events)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("event_came_to"))?;
        let mut outcomes = HashMap::new();
        for row in &rows {
            read(row, &mut outcomes).map_err(StoreError::new("event_came_to"))?;
        }
        Ok(outcomes)
    }

    /// Deletes up to `rows` events that are older than that, with what came of them. Returns how many events.
    pub async fn events_forget(&self, kept: Duration, rows: i64) -> Result<u64, StoreError> {
        let now = self.database_time().await?;
        let oldest = now.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX));
        let gone: i64 = sqlx::query_scalar(include_str!("../sql/events_forget.sql"))
            .bind(piton_shared::ids::uuid_v7(oldest, [0; 10]))
            .bind(rows)
            .fetch_one(&self.calm)
            .await
            .map_err(StoreError::new("events_forget"))?;
        Ok(gone.unsigned_abs())
    }
}

fn read(row: &PgRow, outcomes: &mut HashMap<Uuid, EventOutcome>) -> Result<(), sqlx::Error> {
    let event = row.try_get("event_id")?;
    if row.try_get("owed")? {
        outcomes.insert(event, EventOutcome::Owed);
        return Ok(());
    }
    let mut came = match outcomes.remove(&event) {
        Some(EventOutcome::Matched(came)) => came,
        Some(EventOutcome::Owed) | None => Vec::new(),
    };
    if row.try_get::<Option<i32>, _>("place")?.is_some() {
        came.push(result(row)?);
    }
    outcomes.insert(event, EventOutcome::Matched(came));
    Ok(())
}

fn result(row: &PgRow) -> Result<EventResult, sqlx::Error> {
    if let Some(run) = row.try_get::<Option<Uuid>, _>("run_id")? {
        let trigger = row.try_get("trigger_id")?;
        return Ok(EventResult::Started { trigger, workflow: row.try_get("workflow")?, run: RunId::new(run) });
    }
    let word: &str = row.try_get("reason")?;
    let reason = Refused::ALL.into_iter().find(|reason| reason.as_str() == word);
    Ok(EventResult::Refused {
        trigger: row.try_get("trigger_id")?,
        workflow: row.try_get("workflow")?,
        reason: reason.ok_or_else(|| value::unknown("reason", word))?,
        detail: row.try_get("detail")?,
    })
}
