//! Batches that have room, or have come to their end, and whose turn was lost with a crash.

use piton_shared::limits;

use super::Sweeper;
use crate::store::{BatchId, StoreError};

/// Looks at the batches that go on, one page a sweep, round and round.
#[derive(Debug, Default)]
pub(super) struct OwedBatches {
    after: Option<BatchId>,
}

impl OwedBatches {
    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let (owed, last) = sweeper.store.batches_owed(self.after.as_ref(), limits::SWEEP_ROWS).await?;
        self.after = last;
        for batch in owed {
            sweeper.releases.owed(batch);
        }
        Ok(())
    }
}
