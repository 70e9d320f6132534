//! What became of occurrences.

use std::time::Duration;

use piton_schedule::Missed;
use piton_shared::{ids::RunId, name::Org, time::Timestamp};
use sqlx::Row;
use uuid::Uuid;

use crate::store::{Store, StoreError, value};

/// What became of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It started a run.
    Started(RunId),
    /// It was left out: the last run goes on.
    Skipped,
    /// It, and those before it, were due while nobody looked.
    Missed(Missed),
    /// It waits for the end of the last run.
    Queued,
    /// It could not start a run.
    Refused(String),
}

impl Outcome {
    /// Its word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Skipped => "skipped",
            Self::Missed(_) => "missed",
            Self::Queued => "queued",
            Self::Refused(_) => "refused",
        }
    }
}

/// What became of an occurrence, to be written.
#[derive(Debug, Clone)]
pub struct Firing {
    /// Whose.
    pub org: Org,
    /// Of which schedule.
    pub schedule: Uuid,
    /// Which; of several that were missed, the newest.
    pub occurrence: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an occurrence, as it is read.
#[derive(Debug, Clone)]
pub struct FiringRow {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// Which occurrence; of several that were missed, the newest.
    pub occurrence: Timestamp,
    /// `rhythm`, or `trigger` if somebody asked for it.
    pub cause: String,
    /// The word of what became of it.
    pub outcome: String,
    /// The run it started.
    pub run: Option<RunId>,
    /// How many it stands for.
    pub count: u32,
    /// Of several that were missed, the oldest.
    pub first_at: Option<Timestamp>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When it was decided.
    pub at: Timestamp,
}

impl Store {
    /// A page of what became of a schedule's occurrences, the newest first.
    pub async fn firings_page(
        &self,
        schedule: Uuid,
        org: &Org,
        before: Option<i64>,
        rows: u32,
    ) -> Result<Vec<FiringRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/firings_page.sql"))
            .bind(schedule)
            .bind(org.as_str())
            .bind(before)
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("firings_page"))?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(FiringRow {
                id: row.try_get("id")?,
                occurrence: value::time(row, "occurrence")?,
                cause: row.try_get("cause")?,
                outcome: row.try_get("outcome")?,
                run: row.try_get::<Option<_>, _>("run_id")?.map(RunId::new),
                count: row.try_get::<i32, _>("count")?.unsigned_abs(),
                first_at: value::maybe_time(row, "first_at")?,
                reason: row.try_get("reason")?,
                at: value::time(row, "at")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("firings_page"))
    }

    /// Notes that somebody had a schedule start a run. Noted twice it stands there once.
    pub async fn firing_triggered(
        &self,
        org: &Org,
        schedule: Uuid,
        run: RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(include_str!("../sql/firing_triggered.sql"))
            .bind(org.as_str())
            .bind(schedule)
            .bind(run.uuid())
            .bind(value::at(at))
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("firing_triggered"))?;
        Ok(())
    }

    /// Forgets what became of occurrences so long ago; says how many.
    pub async fn forget_firings(&self, kept: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("../sql/forget_firings.sql"))
            .bind(i64::try_from(kept.as_secs()).unwrap_or(i64::MAX))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_firings"))?;
        Ok(done.rows_affected())
    }
}
