//! What those who follow a run ask again and again: one small query a look.

use piton_shared::{
    ids::{RunId, WorkerId},
    name::Org,
    parked::Parked,
    state::RunState,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Seen, Store, StoreError, TryRow, run::try_row, value};

/// Where a run stands, and whether there is more of it than its reader was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its state.
    pub state: RunState,
    /// Claims so far.
    pub attempts: u32,
    /// Who holds it.
    pub worker: Option<WorkerId>,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// Why it needs a person.
    pub parked: Option<Parked>,
    /// Whether the journal has more.
    pub rows: News,
    /// Whether tries failed since.
    pub tries: News,
}

/// Whether there is more than somebody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// There is.
    Some,
    /// There is not.
    None,
}

impl News {
    fn of(some: bool) -> Self {
        if some { Self::Some } else { Self::None }
    }
}

impl Store {
    /// How a run of an org goes on beyond what a reader was told of it. None when there is no such run there.
    pub async fn progress(
        &self,
        run: RunId,
        org: &Org,
        seen: Seen,
        tries_until: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let found = sqlx::query(include_str!("sql/run_progress.sql"))
            .bind(run.uuid())
            .bind(org.as_str())
            .bind(value::int(seen.own))
            .bind(value::int(seen.outside))
            .bind(value::at(tries_until))
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("run_progress"))?;
        found.as_ref().map(standing).transpose().map_err(StoreError::new("run_progress"))
    }

    /// The next failed tries of a run that ended after a time, in that order.
    pub async fn tries_after(&self, run: RunId, after: Timestamp, rows: i64) -> Result<Vec<TryRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/tries_after.sql"))
            .bind(run.uuid())
            .bind(value::at(after))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("tries_after"))?;
        found.iter().map(try_row).collect::<Result<_, _>>().map_err(StoreError::new("tries_after"))
    }
}

fn standing(row: &PgRow) -> Result<Standing, sqlx::Error> {
    let parked: Option<serde_json::Value> = row.try_get("parked")?;
    Ok(Standing {
        state: row.try_get::<&str, _>("state")?.parse().map_err(value::decode_error)?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        worker: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
        paused_at: value::maybe_time(row, "paused_at")?,
        parked: parked.map(serde_json::from_value).transpose().map_err(value::decode_error)?,
        rows: News::of(row.try_get("more_rows")?),
        tries: News::of(row.try_get("more_tries")?),
    })
}
