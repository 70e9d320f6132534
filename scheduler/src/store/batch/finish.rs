//! What items of batches came to.

use piton_shared::{
    ids::{HoldId, WorkerId},
    journal::Outcome,
    message::dispatch::DispatchId,
    time::Timestamp,
};
use sqlx::PgConnection;

use super::{
    super::{Store, StoreError, control, value},
    look::{BatchId, BatchLook},
    turn::Turn,
};

/// An item's last try has ended.
#[derive(Debug, Clone)]
pub struct ItemEnd {
    /// The item.
    pub id: DispatchId,
    /// Who executed it.
    pub worker: WorkerId,
    /// Under which hold.
    pub hold: HoldId,
    /// What it came to.
    pub outcome: Outcome,
    /// Which try it was.
    pub try_number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// Whether an end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// It is written, now or before.
    Written,
    /// The item is not, or no longer, under way in those hands.
    Not,
}

impl Store {
    /// Locks the runs of items, writes what they came to, at most one end an item, and looks at their batches.
    pub async fn batch_finish(&self, ends: &[ItemEnd]) -> Result<(Turn, Vec<BatchLook>, Vec<Counts>), StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("batch_finish"))?;
        let mut runs: Vec<_> = ends.iter().map(|end| end.id.run).collect();
        runs.sort_unstable();
        runs.dedup();
        control::lock_runs(&mut tx, &runs.iter().map(|run| run.uuid()).collect::<Vec<_>>()).await?;
        let counts = finish(&mut tx, ends).await?;
        let mut batches: Vec<_> = ends.iter().map(|end| BatchId { run: end.id.run, key: end.id.key.clone() }).collect();
        batches.sort_unstable();
        batches.dedup();
        let (turn, looks) = Turn::look(tx, &batches).await?;
        Ok((turn, looks, counts))
    }
}

/// Writes what items came to, at most one end an item; the locks of their runs are held.
pub(in crate::store) async fn finish(
    connection: &mut PgConnection,
    ends: &[ItemEnd],
) -> Result<Vec<Counts>, StoreError> {
    let fresh: Vec<i64> = sqlx::query_scalar(include_str!("../sql/batch_finish.sql"))
        .bind(ends.iter().map(|end| end.id.run.uuid()).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| end.id.key.as_str()).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| value::int(end.id.item)).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| end.hold.uuid()).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| end.worker.uuid()).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| end.outcome.as_deref().ok()).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| end.outcome.as_ref().err().map(value::failure_bytes)).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| value::int(end.try_number)).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| value::at(end.started_at)).collect::<Vec<_>>())
        .bind(ends.iter().map(|end| value::at(end.finished_at)).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("batch_finish"))?;
    let mut counts = vec![Counts::Not; ends.len()];
    for place in fresh {
        if let Some(count) = counts.get_mut(value::place(place)) {
            *count = Counts::Written;
        }
    }
    let open: Vec<_> = (0..ends.len()).filter(|place| counts[*place] == Counts::Not).collect();
    if open.is_empty() {
        return Ok(counts);
    }
    let asked = || open.iter().map(|place| &ends[*place]);
    let before: Vec<i64> = sqlx::query_scalar(include_str!("../sql/batch_finish_look.sql"))
        .bind(asked().map(|end| end.id.run.uuid()).collect::<Vec<_>>())
        .bind(asked().map(|end| end.id.key.as_str()).collect::<Vec<_>>())
        .bind(asked().map(|end| value::int(end.id.item)).collect::<Vec<_>>())
        .bind(asked().map(|end| end.worker.uuid()).collect::<Vec<_>>())
        .bind(asked().map(|end| value::int(end.try_number)).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("batch_finish_look"))?;
    for place in before {
        if let Some(place) = open.get(value::place(place)) {
            counts[*place] = Counts::Written;
        }
    }
    Ok(counts)
}
