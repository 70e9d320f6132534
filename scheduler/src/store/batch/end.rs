//! The end of batches.

use piton_shared::{codec, failure::Failure, message::batch::BatchSummary};
use sqlx::PgConnection;

use super::{
    super::{StoreError, Told, outside, value},
    look::BatchId,
};

/// Ends batches with what they came to, and a failure for those whose run fails with them; the locks of their runs are
/// held. Says which runs are to be told.
pub(in crate::store) async fn end(
    connection: &mut PgConnection,
    ends: &[(BatchId, BatchSummary, Option<Failure>)],
) -> Result<Vec<Told>, StoreError> {
    let summary = |summary: &BatchSummary| codec::encode(summary).expect("numbers and a word always encode");
    let rows = sqlx::query(include_str!("../sql/batch_end.sql"))
        .bind(ends.iter().map(|(batch, ..)| batch.run.uuid()).collect::<Vec<_>>())
        .bind(ends.iter().map(|(batch, ..)| batch.key.as_str()).collect::<Vec<_>>())
        .bind(ends.iter().map(|(_, came_to, _)| came_to.status.as_str()).collect::<Vec<_>>())
        .bind(ends.iter().map(|(_, came_to, _)| value::int(came_to.cancelled)).collect::<Vec<_>>())
        .bind(ends.iter().map(|(_, came_to, _)| summary(came_to)).collect::<Vec<_>>())
        .bind(ends.iter().map(|(.., failure)| failure.as_ref().map(value::failure_bytes)).collect::<Vec<_>>())
        .bind(codec::UNIT)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_end"))?;
    rows.iter().map(outside::told).collect::<Result<_, _>>().map_err(StoreError::new("batch_end"))
}
