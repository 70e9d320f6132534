//! The backlog: what the shallow stream has no room for waits in Postgres and is published as room appears.

use std::sync::Arc;

use piton_shared::{
    limits,
    message::define::DefinitionKind,
    name::{Build, Org, Queue},
};
use tokio::sync::Notify;

use super::{
    Coverage, Publisher,
    lanes::{Lanes, StreamState, takers, target},
};
use crate::store::{Depth, Needed, Published, Room, Store, StoreError};

/// Feeds queues from the backlog, and knows how much room they have. Cheap to clone.
#[derive(Clone)]
pub struct Backlog {
    store: Store,
    publisher: Publisher,
    coverage: Coverage,
    lanes: Lanes,
    claimed: Arc<Notify>,
}

impl Backlog {
    /// Feeds from a store, through a publisher.
    pub fn new(store: Store, publisher: Publisher, coverage: Coverage) -> Self {
        Self { store, publisher, coverage, lanes: Lanes::default(), claimed: Arc::default() }
    }

    /// Takes a place in a queue's stream for a run that is new or woken.
    pub fn take(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> Room {
        self.lanes.take(org, queue, build)
    }

    /// Whether runs wait for room in a queue's stream: what comes now goes behind them, whoever has a slot.
    pub fn is_behind(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> bool {
        self.lanes.has_backlog(org, queue, build)
    }

    /// Whether the stream of runs answered when it was looked at.
    pub fn saw_stream(&self, stream: StreamState) {
        self.lanes.saw_stream(stream);
    }

    /// Gives a place back that was taken and is not used.
    pub fn put_back(&self, org: &Org, queue: &Queue, build: Option<&Build>) {
        self.lanes.put_back(org, queue, build);
    }

    /// Runs were claimed: there may be room.
    pub fn claimed(&self) {
        self.claimed.notify_one();
    }

    /// Woken runs were put into the backlog because no room was known of: there may be some all the same.
    pub fn put_off(&self) {
        self.claimed.notify_one();
    }

    /// Waits until there may be room.
    pub async fn room_again(&self) {
        self.claimed.notified().await;
    }

    /// Publishes what there is room for; says how many.
    pub async fn feed(&self) -> Result<usize, StoreError> {
        let depths = self.store.queue_depths(limits::SWEEP_ROWS + 1).await?;
        let slots = self.store.queue_slots().await?;
        let mut fed = 0;
        let mut left = Vec::with_capacity(depths.len());
        for depth in depths {
            let mut room = target(takers(&depth, &slots).map(|of| of.slots).sum()) - depth.published;
            if room > 0 && depth.backlog > 0 {
                let published = self.next(&depth, room.min(limits::SWEEP_ROWS)).await?;
                fed += published.len();
                room -= i64::try_from(published.len()).unwrap_or(i64::MAX);
                // What still waits goes before what comes now.
                if i64::try_from(published.len()).unwrap_or(i64::MAX) < depth.backlog {
                    room = 0;
                }
                self.publisher.publish(published);
            }
            left.push((depth, room));
        }
        self.lanes.seen(left);
        Ok(fed)
    }

    /// Publishes the next runs of a queue. Those whose workflow no live worker has leave the backlog until one registers.
    async fn next(&self, depth: &Depth, rows: i64) -> Result<Vec<Published>, StoreError> {
        let due = self.store.backlog_due(depth, rows).await?;
        let unserved = self.coverage.unserved(due.iter().map(|(_, workflow)| needed(depth, workflow))).await;
        let (unserved, served): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(_, workflow)| unserved.contains(&needed(depth, workflow)));
        // Others may have waited behind those that left. Where none could (their rows are locked), the next sweep looks again.
        if !unserved.is_empty() && self.store.ready_unserved(&unserved).await? > 0 {
            self.claimed();
        }
        let served: Vec<_> = served.into_iter().map(|(run, _)| run).collect();
        if served.is_empty() {
            return Ok(Vec::new());
        }
        self.store.publish_backlog(&served).await
    }
}

fn needed(depth: &Depth, workflow: &str) -> Needed {
    Needed {
        org: depth.org.clone(),
        queue: depth.queue.clone(),
        build: depth.build.clone(),
        kind: DefinitionKind::Workflow,
        name: workflow.to_owned(),
    }
}
