//! Dispatched work that the shallow stream has no room for waits in Postgres and is given as room appears.

use std::sync::Arc;

use piton_shared::limits;
use piton_telemetry::metrics::SchedulerMetrics;
use tokio::sync::Notify;

use super::Giver;
use crate::{
    dispatch::lanes::{Lanes, takers, target},
    store::{Offer, Room, Store, StoreError},
};

/// Feeds the stream of dispatched work, and knows how much room it has. Cheap to clone.
#[derive(Clone)]
pub struct StepBacklog {
    store: Store,
    metrics: SchedulerMetrics,
    lanes: Lanes,
    claimed: Arc<Notify>,
}

impl StepBacklog {
    /// Feeds from a store.
    pub fn new(store: Store, metrics: SchedulerMetrics) -> Self {
        Self { store, metrics, lanes: Lanes::default(), claimed: Arc::default() }
    }

    /// Takes a place in a queue's stream.
    pub(super) fn take(&self, offer: &Offer) -> Room {
        self.lanes.take(&offer.org, &offer.queue, offer.build.as_ref())
    }

    /// Work was claimed, or a worker has room again: there may be room.
    pub fn claimed(&self) {
        self.claimed.notify_one();
    }

    /// Waits until work was claimed.
    pub async fn room_again(&self) {
        self.claimed.notified().await;
    }

    /// Gives what there is room for; says how much.
    pub async fn feed(&self, giver: &Giver) -> Result<usize, StoreError> {
        let depths = self.store.step_depths(limits::SWEEP_ROWS + 1).await?;
        let (mut fed, mut waiting, mut left) = (0, 0, Vec::with_capacity(depths.len()));
        if depths.iter().any(|depth| depth.backlog > 0) {
            let slots = self.store.queue_slots().await?;
            for depth in depths {
                waiting += depth.backlog;
                let mut room = target(takers(&depth, &slots).map(|of| of.step_slots).sum()) - depth.published;
                if room > 0 && depth.backlog > 0 {
                    let offers = self.store.step_backlog(&depth, room.min(limits::SWEEP_ROWS)).await?;
                    fed += offers.len();
                    room -= i64::try_from(offers.len()).unwrap_or(i64::MAX);
                    // What still waits goes before what comes now.
                    if i64::try_from(offers.len()).unwrap_or(i64::MAX) < depth.backlog {
                        room = 0;
                    }
                    giver.feed(offers);
                }
                left.push((depth, room));
            }
        }
        self.metrics.backlog_steps.set(waiting);
        self.lanes.seen(left);
        Ok(fed)
    }
}
