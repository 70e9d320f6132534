//! Dropping what closed batches had under way.

use piton_shared::ids::{HoldId, WorkerId};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    super::{Executing, StoreError, step},
    look::BatchId,
};

/// Drops what batches had under way that were closed; says who executes what of it.
pub(super) async fn settle(connection: &mut PgConnection, batches: &[BatchId]) -> Result<Vec<Executing>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/batch_settle.sql"))
        .bind(batches.iter().map(|batch| batch.run.uuid()).collect::<Vec<_>>())
        .bind(batches.iter().map(|batch| batch.key.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_settle"))?;
    let read = |row: &PgRow| {
        Ok(Executing {
            dispatch: step::dispatch(row)?,
            worker: WorkerId::new(row.try_get("worker")?),
            hold: HoldId::new(row.try_get("hold")?),
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("batch_settle"))
}
