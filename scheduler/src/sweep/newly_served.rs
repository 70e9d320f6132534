//! Work that waited for a worker with its workflow or function, and that a live worker has by now.

use std::time::Duration;

use piton_shared::limits;
use piton_telemetry::metrics::Swept;

use super::{SELDOM, Sweeper};
use crate::store::StoreError;

/// How long each sweep looks at what a worker brought that has registered. Longer than a statement may take: one that began before
/// the registration may set work aside after it.
const RECENT: Duration = Duration::from_secs(45);

impl Sweeper {
    /// Looks at what those brought that registered lately, and seldom at what all live workers have.
    pub(super) async fn newly_served(&self, round: u64) -> Result<(), StoreError> {
        let recent = (!round.is_multiple_of(SELDOM)).then_some(RECENT);
        let runs = self.store.ready_served(limits::SWEEP_ROWS, recent).await?;
        let steps = self.store.steps_served(limits::SWEEP_ROWS, recent).await?;
        if runs + steps > 0 {
            self.metrics.swept.at(Swept::Served).add(runs + steps);
            tracing::info!(runs, steps, "a worker registered that has what these waited for");
        }
        Ok(())
    }
}
