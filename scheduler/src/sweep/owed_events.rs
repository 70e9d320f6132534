//! Events whose look was lost with a crash, or could not be taken when they were accepted.

use std::time::Duration;

use piton_shared::limits;
use piton_telemetry::metrics::Swept;
use tokio_util::sync::CancellationToken;

use super::{Sweeper, said};
use crate::{event::Looked, store::StoreError};

/// How long whoever accepted an event is left alone with it.
const AGE: Duration = Duration::from_secs(1);

impl Sweeper {
    /// On its own: expressions take what time they take.
    pub(super) async fn match_events(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            said("match events", self.match_owed_events().await);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn match_owed_events(&self) -> Result<u64, StoreError> {
        let due = self.store.unmatched_due(AGE, limits::SWEEP_ROWS).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let looked = self.looker.look(&due).await;
        let matched = looked.iter().filter(|looked| matches!(looked, Looked::Matched(_))).count() as u64;
        if matched > 0 {
            tracing::info!(events = matched, "matched events whose look was owed");
            self.metrics.swept.at(Swept::EventsMatched).add(matched);
        }
        Ok(matched)
    }
}
