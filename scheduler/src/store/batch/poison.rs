//! Items whose workers die.

use piton_shared::{
    failure::Failure,
    ids::{HoldId, WorkerId},
    message::dispatch::{StepEnd, StepEnding},
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    super::{Finish, Finishing, StoreError, step, value},
    finish::finish,
    look::BatchId,
};

/// Fails the items for good that a worker died with, if that makes `strikes` of them; the locks of the runs are held, and
/// the worker's lease is over. Says which batches have room again, or have come to their end.
///
/// An item is one of many: it must not hold up the others, as a step does whose run is parked.
pub(in crate::store) async fn fail_poisoned(
    connection: &mut PgConnection,
    worker: WorkerId,
    runs: &[Uuid],
    strikes: u32,
) -> Result<Vec<BatchId>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/items_poisoned.sql"))
        .bind(worker.uuid())
        .bind(runs)
        .bind(value::int(strikes))
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("items_poisoned"))?;
    let ends = rows.iter().map(|row| died(row, worker)).collect::<Result<Vec<_>, _>>();
    let ends = ends.map_err(StoreError::new("items_poisoned"))?;
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    let wrote = finish(connection, &ends.iter().collect::<Vec<_>>()).await?;
    let counted = ends.into_iter().zip(wrote).filter(|(_, wrote)| *wrote == Finish::Written);
    let batch = |(one, _): (Finishing, Finish)| BatchId { run: one.end.dispatch.run, key: one.end.dispatch.key };
    let mut batches: Vec<_> = counted.map(batch).collect();
    batches.sort_unstable();
    batches.dedup();
    Ok(batches)
}

/// The end of an item that died with its worker.
fn died(row: &PgRow, worker: WorkerId) -> Result<Finishing, sqlx::Error> {
    let struck: i32 = row.try_get("struck")?;
    let ending = StepEnding::Done {
        outcome: Err(Failure::permanent(format!("a worker's lease ended {struck} times while it executed this"))),
        try_number: row.try_get::<i32, _>("try_number")?.unsigned_abs(),
        started_at: value::time(row, "held_at")?,
        finished_at: value::time(row, "died_at")?,
    };
    let end = StepEnd { dispatch: step::dispatch(row)?, hold: HoldId::new(row.try_get("hold")?), ending };
    Ok(Finishing { worker, end })
}
