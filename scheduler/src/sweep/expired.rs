//! What has expired is deleted: on its own, so that however much there is no other sweep waits for it.

use piton_shared::limits;
use tokio_util::sync::CancellationToken;

use super::{SELDOM, Sweeper, emptied::emptied, said};

/// Looks between two at what could wait for days: a quarter of an hour as sweeps are by default.
const RARELY: u64 = 90;

impl Sweeper {
    /// Deletes what has expired, until nothing of it is left; then it rests for [`SELDOM`] sweeps.
    pub(super) async fn forget(&self, stop: &CancellationToken) {
        let rest = self.every * u32::try_from(SELDOM).unwrap_or(u32::MAX);
        let mut round = 0_u64;
        while !stop.is_cancelled() {
            let store = &self.store;
            said("forget idempotency keys", emptied(stop, |rows| store.forget_start_keys(rows)).await);
            said(
                "forget what schedules fired",
                emptied(stop, |rows| store.forget_firings(limits::FIRINGS_KEPT, rows)).await,
            );
            said("forget keys of events", emptied(stop, |rows| store.event_keys_forget(rows)).await);
            said("forget events", emptied(stop, |rows| store.events_forget(limits::EVENTS_KEPT, rows)).await);
            said("forget deliveries", emptied(stop, |rows| store.forget_deliveries(limits::EVENTS_KEPT, rows)).await);
            if round.is_multiple_of(RARELY) {
                let secrets = emptied(stop, |rows| store.forget_webhook_secrets(limits::EVENTS_KEPT, rows)).await;
                said("forget retired secrets", secrets);
                said("forget workers", emptied(stop, |rows| store.forget_workers(limits::WORKER_KEPT, rows)).await);
                let kept = limits::DEFINITION_KEPT;
                said("forget definitions", emptied(stop, |rows| store.forget_definitions(kept, rows)).await);
            }
            round += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
}
