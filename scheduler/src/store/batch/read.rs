//! Batches and their results as callers see them.

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::StepKey,
    message::{
        batch::{BatchStatus, ItemResult, OnFailure},
        read::More,
    },
    name::Org,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    super::{Store, StoreError, value},
    look::{BatchId, Ends, Sealed, count, ends, millis, on_failure, sealed, status},
};

/// A batch's row.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// The batch.
    pub id: BatchId,
    /// Which workers execute its items.
    pub queue: String,
    /// The build they must have.
    pub build: Option<String>,
    /// The function.
    pub function: String,
    /// What its end ends.
    pub ends: Ends,
    /// Items under way at once at most.
    pub max_concurrency: u32,
    /// What the failure of an item means for the others.
    pub on_failure: OnFailure,
    /// How it stands.
    pub status: BatchStatus,
    /// Items written so far.
    pub total: u32,
    /// Whether that is all.
    pub sealed: Sealed,
    /// Items given away so far.
    pub released: u32,
    /// Items that completed.
    pub completed: u32,
    /// Items that failed.
    pub failed: u32,
    /// Items that were never executed, once it has ended.
    pub cancelled: u32,
    /// What the items' last tries took together, in milliseconds.
    pub item_millis: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the first of its items was given away.
    pub released_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Store {
    /// A batch of an org's run.
    pub async fn batch(&self, batch: &BatchId, org: &Org) -> Result<Option<BatchRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/batch_row.sql"))
            .bind(batch.run.uuid())
            .bind(batch.key.as_str())
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("batch_row"))?;
        found.as_ref().map(batch_row).transpose().map_err(StoreError::new("batch_row"))
    }

    /// A page of a run's batches, by key.
    pub async fn batches(&self, run: RunId, org: &Org, after: &str, rows: u32) -> Result<Vec<BatchRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/batch_list.sql"))
            .bind(run.uuid())
            .bind(org.as_str())
            .bind(after)
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("batch_list"))?;
        found.iter().map(batch_row).collect::<Result<_, _>>().map_err(StoreError::new("batch_list"))
    }

    /// A page of a batch's items with what they came to, by their numbers; those that have not ended have no outcome.
    /// A page ends after `rows` items, or where its results pass `bytes`.
    pub async fn batch_results(
        &self,
        batch: &BatchId,
        after: u32,
        rows: u32,
        bytes: usize,
    ) -> Result<(Vec<ItemResult>, More), StoreError> {
        let found = sqlx::query(include_str!("../sql/batch_results_page.sql"))
            .bind(batch.run.uuid())
            .bind(batch.key.as_str())
            .bind(value::int(after))
            .bind(i64::from(rows))
            .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("batch_results_page"))?;
        let results: Vec<_> =
            found.iter().map(item_result).collect::<Result<_, _>>().map_err(StoreError::new("batch_results_page"))?;
        let looked_at = found.first().map_or(Ok(0), |row| row.try_get::<i64, _>("looked_at"));
        let looked_at = looked_at.map_err(StoreError::new("batch_results_page"))?;
        let cut = usize::try_from(looked_at).is_ok_and(|looked_at| results.len() < looked_at);
        let more = if cut || looked_at >= i64::from(rows) { More::Follows } else { More::End };
        Ok((results, more))
    }

    /// A page of the batches that go on, by run and key: those that may be owed a release or their end, and where to look
    /// on; nothing after the last page.
    pub async fn batches_owed(
        &self,
        after: Option<&BatchId>,
        rows: i64,
    ) -> Result<(Vec<BatchId>, Option<BatchId>), StoreError> {
        let found = sqlx::query(include_str!("../sql/batches_owed.sql"))
            .bind(after.map_or(Uuid::nil(), |batch| batch.run.uuid()))
            .bind(after.map_or("", |batch| batch.key.as_str()))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("batches_owed"))?;
        let full = i64::try_from(found.len()).unwrap_or(i64::MAX) >= rows;
        let mut owed = Vec::new();
        let mut last = None;
        for row in &found {
            let (batch, is_owed) = owed_row(row).map_err(StoreError::new("batches_owed"))?;
            if is_owed {
                owed.push(batch.clone());
            }
            last = Some(batch);
        }
        Ok((owed, last.filter(|_| full)))
    }
}

fn owed_row(row: &PgRow) -> Result<(BatchId, bool), sqlx::Error> {
    Ok((batch_id(row)?, row.try_get("owed")?))
}

fn batch_id(row: &PgRow) -> Result<BatchId, sqlx::Error> {
    Ok(BatchId { run: RunId::new(row.try_get("run_id")?), key: StepKey::new(row.try_get::<String, _>("step_key")?) })
}

fn batch_row(row: &PgRow) -> Result<BatchRow, sqlx::Error> {
    Ok(BatchRow {
        id: batch_id(row)?,
        queue: row.try_get("queue")?,
        build: row.try_get("build")?,
        function: row.try_get("function")?,
        ends: ends(row)?,
        max_concurrency: count(row, "max_concurrency")?,
        on_failure: on_failure(row)?,
        status: status(row)?,
        total: count(row, "total")?,
        sealed: sealed(row)?,
        released: count(row, "released")?,
        completed: count(row, "completed")?,
        failed: count(row, "failed")?,
        cancelled: count(row, "cancelled")?,
        item_millis: millis(row, "item_millis")?,
        created_at: value::time(row, "created_at")?,
        released_at: value::maybe_time(row, "released_at")?,
        finished_at: value::maybe_time(row, "finished_at")?,
    })
}

fn item_result(row: &PgRow) -> Result<ItemResult, sqlx::Error> {
    let outcome = match (row.try_get::<Option<Vec<u8>>, _>("result")?, row.try_get::<Option<&[u8]>, _>("failure")?) {
        (Some(result), _) => Some(Ok(result)),
        (None, Some(failure)) => Some(Err(value::failure(failure)?)),
        (None, None) => None,
    };
    Ok(ItemResult {
        item: count(row, "item")?,
        id: row.try_get("id")?,
        outcome,
        try_number: row.try_get::<Option<i32>, _>("try_number")?.unwrap_or(0).unsigned_abs(),
        worker: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
        started_at: value::maybe_time(row, "started_at")?,
        finished_at: value::maybe_time(row, "finished_at")?,
    })
}
