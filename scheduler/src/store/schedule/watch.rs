//! The watch over schedules: since when a scheduler has been looking, without a gap.

use piton_shared::{limits, time::Timestamp};

use crate::store::{Store, StoreError, value};

/// An uninterrupted watch, by the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Its first look.
    pub since: Timestamp,
    /// Its last look.
    pub looked_at: Timestamp,
}

impl Store {
    /// Records a look for due schedules. `kept` is the watch that this scheduler has kept up to now, none if it was not looking.
    /// None if the record is recent enough.
    pub async fn schedule_watch(&self, kept: Option<Watch>) -> Result<Option<Watch>, StoreError> {
        let row = sqlx::query(include_str!("../sql/schedule_watch.sql"))
            .bind(limits::FIRING_GRACE.as_secs_f64())
            .bind(kept.map(|kept| value::at(kept.looked_at)))
            .bind(kept.map(|kept| value::at(kept.since)))
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("schedule_watch"))?;
        let read = |row: &sqlx::postgres::PgRow| -> Result<Watch, sqlx::Error> {
            Ok(Watch { since: value::time(row, "since")?, looked_at: value::time(row, "looked_at")? })
        };
        row.as_ref().map(read).transpose().map_err(StoreError::new("schedule_watch"))
    }
}
