//! What batches do next, in one transaction under their runs' locks.

use piton_shared::{failure::Failure, ids::RunId, message::batch::BatchSummary};
use sqlx::{Postgres, Transaction};

use super::{
    super::{Executing, Store, StoreError, Told, control},
    end::end,
    look::{BatchId, BatchLook, looks},
    release::{Release, ReleasedItem, release},
    settle::settle,
};

/// What batches are to do.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Items to give away.
    pub releases: Vec<Release>,
    /// Batches to end, and why the run fails that is nothing but one.
    pub ends: Vec<(BatchId, BatchSummary, Option<Failure>)>,
    /// Closed batches whose items are to be dropped.
    pub settles: Vec<BatchId>,
}

/// What batches did.
#[derive(Debug, Default)]
pub struct Turned {
    /// Items that were given away.
    pub items: Vec<ReleasedItem>,
    /// Runs that are to be told.
    pub told: Vec<Told>,
    /// Items that were dropped in the hands of workers.
    pub dropped: Vec<Executing>,
}

/// Batches whose runs are locked. Dropped, nothing of the transaction happens.
#[derive(Debug)]
pub struct Turn {
    tx: Transaction<'static, Postgres>,
}

impl Store {
    /// Locks the runs of batches, which are sorted, and then looks at each.
    pub async fn batch_turn(&self, batches: &[BatchId]) -> Result<(Turn, Vec<BatchLook>), StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("batch_turn"))?;
        let mut runs: Vec<RunId> = batches.iter().map(|batch| batch.run).collect();
        runs.dedup();
        let runs: Vec<_> = runs.into_iter().map(RunId::uuid).collect();
        control::lock_runs(&mut tx, &runs).await?;
        Turn::look(tx, batches).await
    }
}

impl Turn {
    /// Looks at batches whose runs this transaction has locked.
    pub(in crate::store) async fn look(
        mut tx: Transaction<'static, Postgres>,
        batches: &[BatchId],
    ) -> Result<(Self, Vec<BatchLook>), StoreError> {
        let looks = looks(&mut tx, batches).await?;
        Ok((Self { tx }, looks))
    }

    /// Does what is wanted, in one commit with what the transaction did before. Inputs of at most `input_bytes` together
    /// come back with the items.
    pub async fn write(mut self, wanted: &Wanted, input_bytes: usize) -> Result<Turned, StoreError> {
        let mut turned = Turned::default();
        if !wanted.releases.is_empty() {
            turned.items = release(&mut self.tx, &wanted.releases, input_bytes).await?;
        }
        if !wanted.ends.is_empty() {
            turned.told = end(&mut self.tx, &wanted.ends).await?;
        }
        if !wanted.settles.is_empty() {
            turned.dropped = settle(&mut self.tx, &wanted.settles).await?;
        }
        self.tx.commit().await.map_err(StoreError::new("batch_turn"))?;
        Ok(turned)
    }
}
