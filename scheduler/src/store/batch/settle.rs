//! Dropping what closed batches had under way.

use piton_shared::{
    ids::{HoldId, RunId, WorkerId},
    journal::StepKey,
    message::dispatch::DispatchId,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    super::StoreError,
    look::{BatchId, count},
};

/// An item whose result nobody waits for any more.
#[derive(Debug, Clone)]
pub struct DroppedItem {
    /// The item.
    pub id: DispatchId,
    /// Who executes it.
    pub worker: WorkerId,
    /// Under which hold.
    pub hold: HoldId,
}

/// Drops what batches had under way that were closed; says who executes what of it.
pub(super) async fn settle(connection: &mut PgConnection, batches: &[BatchId]) -> Result<Vec<DroppedItem>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/batch_settle.sql"))
        .bind(batches.iter().map(|batch| batch.run.uuid()).collect::<Vec<_>>())
        .bind(batches.iter().map(|batch| batch.key.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_settle"))?;
    rows.iter().map(dropped).collect::<Result<_, _>>().map_err(StoreError::new("batch_settle"))
}

fn dropped(row: &PgRow) -> Result<DroppedItem, sqlx::Error> {
    Ok(DroppedItem {
        id: DispatchId {
            run: RunId::new(row.try_get("run_id")?),
            key: StepKey::new(row.try_get::<String, _>("step_key")?),
            item: count(row, "item")?,
        },
        worker: WorkerId::new(row.try_get("worker")?),
        hold: HoldId::new(row.try_get("hold")?),
    })
}
