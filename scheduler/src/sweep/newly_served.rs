//! Work that waited for a worker with its workflow or function, and that a live worker has by now.

use std::time::Duration;

use piton_telemetry::metrics::Swept;
use tokio_util::sync::CancellationToken;

use super::{SELDOM, Sweeper, emptied::emptied, said};
use crate::store::StoreError;

/// How long each sweep looks at what a worker brought that has registered. Longer than a statement may take: one that began before
/// the registration may set work aside after it.
const RECENT: Duration = Duration::from_secs(45);

impl Sweeper {
    /// On its own: however much waited for a worker, the backlog is fed meanwhile.
    pub(super) async fn bring_back(&self, stop: &CancellationToken) {
        let mut round = 0_u64;
        while !stop.is_cancelled() {
            said("look for what workers have by now", self.newly_served(round, stop).await);
            round += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Looks at what those brought that registered lately, and seldom at what all live workers have, until none of it waits.
    async fn newly_served(&self, round: u64, stop: &CancellationToken) -> Result<(), StoreError> {
        let recent = (!round.is_multiple_of(SELDOM)).then_some(RECENT);
        let runs = emptied(stop, |rows| async move {
            let back = self.store.ready_served(rows, recent).await?;
            if back > 0 {
                self.backlog.claimed();
            }
            Ok(back)
        });
        let steps = emptied(stop, |rows| async move {
            let back = self.store.steps_served(rows, recent).await?;
            if back > 0 {
                self.step_backlog.claimed();
            }
            Ok(back)
        });
        let (runs, steps) = (runs.await?, steps.await?);
        if runs + steps > 0 {
            self.metrics.swept.at(Swept::Served).add(runs + steps);
            tracing::info!(runs, steps, "a worker registered that has what these waited for");
        }
        Ok(())
    }
}
