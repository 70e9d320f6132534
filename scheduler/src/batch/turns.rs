//! Carrying out what batches do next.

use std::time::Instant;

use piton_shared::{codec, failure::Failure, limits, message::batch::BatchSummary};
use piton_telemetry::metrics::{Ending, Group, SchedulerMetrics};

use super::plan::plan;
use crate::{
    lease::Roster,
    store::{BatchId, BatchLook, Ends, Slot, Store, StoreError, Turn},
    wake::{End, Teller, Waiters},
};

/// Items that one commit gives away at most.
const ITEMS: u32 = limits::COMMIT_ROWS as u32;
/// Bytes of inputs that are read with them; what has no room is read apart by whoever executes it.
const INPUT_BYTES: usize = 4 * limits::MESSAGE_BYTES;

/// Gives batches their turn. Cheap to clone.
#[derive(Clone)]
pub struct Turns {
    /// Where they lie.
    pub store: Store,
    /// Who has room.
    pub roster: Roster,
    /// Who wakes the runs that wait for them.
    pub teller: Teller,
    /// Who waits for ends.
    pub waiters: Waiters,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Turns {
    /// Gives each of these, which are sorted, its turn. Says which have room for more.
    pub async fn all(&self, batches: &[BatchId]) -> Result<Vec<BatchId>, StoreError> {
        let (turn, looks) = self.store.batch_turn(batches).await?;
        self.take(turn, &looks).await
    }

    /// Does what follows from how batches stand, and commits it with what the transaction did before.
    pub async fn take(&self, turn: Turn, looks: &[BatchLook]) -> Result<Vec<BatchId>, StoreError> {
        let began = Instant::now();
        let plan = plan(looks, ITEMS, |look| self.place(look));
        let turned = turn.write(&plan.wanted, INPUT_BYTES).await?;
        self.metrics.commits.at(Group::Batch).inc();
        self.metrics.commit_rows.at(Group::Batch).add((turned.items.len() + plan.wanted.ends.len()) as u64);
        self.metrics.commit_time.at(Group::Batch).seconds(began.elapsed());
        self.teller.tell(turned.told).await;
        for (batch, summary, failure) in plan.wanted.ends {
            let is_run = looks.iter().any(|look| look.id == batch && look.ends == Ends::Run);
            if is_run {
                self.ended(&batch, &summary, failure);
            }
        }
        Ok(plan.more)
    }

    /// A run has ended that was nothing but its batch.
    fn ended(&self, batch: &BatchId, summary: &BatchSummary, failure: Option<Failure>) {
        let (ending, end) = match failure {
            Some(failure) => (Ending::Failed, End::Failed(failure)),
            None => {
                let result = codec::encode(summary).expect("numbers and a word always encode");
                (Ending::Completed, End::Completed(result))
            }
        };
        self.metrics.runs_ended.at(ending).inc();
        self.waiters.ended(batch.run, end);
    }

    fn place(&self, _look: &BatchLook) -> Option<Slot> {
        None
    }
}
