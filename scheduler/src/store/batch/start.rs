//! Runs that are nothing but a batch.

use std::time::Duration;

use piton_shared::{
    ids::RunId,
    journal::Payload,
    message::batch::{BATCH_RUN, BATCH_RUN_KEY, BatchItem, BatchTerms},
    name::{Build, Org, Queue},
    time::Timestamp,
};

use super::{
    super::{Store, StoreError, value},
    add::item_terms,
};

/// A run that is nothing but a batch, to accept.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Its id.
    pub id: RunId,
    /// Its tenant.
    pub org: Org,
    /// The queue whose workers execute its items.
    pub queue: Queue,
    /// The build they must have.
    pub build: Option<Build>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What is shown as its input.
    pub input: Payload,
    /// Trace context of the start.
    pub trace: Option<String>,
    /// The caller's idempotency key, and the fingerprint of what was asked for.
    pub key: Option<(String, Vec<u8>)>,
    /// What it is.
    pub terms: BatchTerms,
    /// All its items.
    pub items: Vec<BatchItem>,
}

/// What became of a batch to accept.
#[derive(Debug, Clone, Copy)]
pub enum StartedBatch {
    /// It is there.
    Accepted {
        /// Since when.
        created_at: Timestamp,
    },
    /// Another run holds its key, or there is no such org.
    Refused,
}

impl Store {
    /// Inserts a run that is nothing but a batch, with all its items, in one commit.
    pub async fn batch_start(&self, batch: &NewBatch, window: Duration) -> Result<StartedBatch, StoreError> {
        let created_at: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(include_str!("../sql/batch_start.sql"))
            .bind(batch.id.uuid())
            .bind(batch.org.as_str())
            .bind(batch.queue.to_string())
            .bind(batch.build.as_ref().map(|build| build.as_str().to_owned()))
            .bind(&batch.session)
            .bind(&batch.tags)
            .bind(&batch.input)
            .bind(&batch.trace)
            .bind(batch.key.as_ref().map(|(key, _)| key))
            .bind(batch.key.as_ref().map(|(_, print)| print))
            .bind(i64::try_from(window.as_secs()).unwrap_or(i64::MAX))
            .bind(BATCH_RUN)
            .bind(BATCH_RUN_KEY)
            .bind(&batch.terms.function)
            .bind(item_terms(&batch.terms))
            .bind(value::int(batch.terms.max_concurrency))
            .bind(batch.terms.on_failure.as_str())
            .bind(batch.items.iter().map(|item| item.id.as_deref()).collect::<Vec<_>>())
            .bind(batch.items.iter().map(|item| item.input.as_slice()).collect::<Vec<_>>())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("batch_start"))?;
        Ok(match created_at {
            Some(at) => StartedBatch::Accepted { created_at: value::from(at) },
            None => StartedBatch::Refused,
        })
    }
}
