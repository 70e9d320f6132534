//! The backlog: what the shallow stream has no room for waits in Postgres and is published as room appears.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use piton_shared::{
    limits,
    name::{Build, Org, Queue},
};
use tokio::sync::Notify;

use super::Publisher;
use crate::store::{Depth, Slots, Store, StoreError};

type Lane = (Org, Queue, Option<Build>);

/// How many published runs a queue may hold: a few times what its workers can take, and never too few to keep them
/// busy between two looks.
fn target(slots: i64) -> i64 {
    (slots * 2).max(i64::from(limits::QUEUE_DEPTH))
}

/// Whether a queue has room for one more published run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Publish it.
    Some,
    /// Let it wait in the backlog.
    None,
}

/// Feeds queues from the backlog, and knows how much room they have. Cheap to clone.
#[derive(Clone)]
pub struct Backlog {
    store: Store,
    publisher: Publisher,
    room: Arc<Mutex<HashMap<Lane, i64>>>,
    claimed: Arc<Notify>,
}

impl Backlog {
    /// Feeds from a store, through a publisher.
    pub fn new(store: Store, publisher: Publisher) -> Self {
        Self { store, publisher, room: Arc::default(), claimed: Arc::default() }
    }

    /// Takes a place in a queue's stream for a new run.
    pub fn take(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> Room {
        let mut room = self.room.lock();
        let lane = (org.clone(), queue.clone(), build.cloned());
        let left = room.entry(lane).or_insert(i64::from(limits::QUEUE_DEPTH));
        if *left > 0 {
            *left -= 1;
            Room::Some
        } else {
            Room::None
        }
    }

    /// Runs were claimed: there may be room.
    pub fn claimed(&self) {
        self.claimed.notify_one();
    }

    /// Waits until runs were claimed.
    pub async fn room_again(&self) {
        self.claimed.notified().await;
    }

    /// Publishes what there is room for; says how many.
    pub async fn feed(&self) -> Result<usize, StoreError> {
        let depths = self.store.queue_depths(limits::SWEEP_ROWS + 1).await?;
        let slots = self.store.queue_slots().await?;
        let mut fed = 0;
        let mut left = HashMap::new();
        for depth in depths {
            let mut room = target(slots_of(&depth, &slots)) - depth.published;
            if room > 0 && depth.backlog > 0 {
                let published = self.store.publish_backlog(&depth, room.min(limits::SWEEP_ROWS)).await?;
                fed += published.len();
                room -= i64::try_from(published.len()).unwrap_or(i64::MAX);
                // What still waits goes before what comes now.
                if i64::try_from(published.len()).unwrap_or(i64::MAX) < depth.backlog {
                    room = 0;
                }
                self.publisher.publish(published);
            }
            left.insert((depth.org, depth.queue, depth.build), room);
        }
        *self.room.lock() = left;
        Ok(fed)
    }
}

/// The slots that can take what lies in a queue: a run bound to no build goes to any worker of the queue.
fn slots_of(depth: &Depth, slots: &[Slots]) -> i64 {
    let takes = |of: &&Slots| {
        of.org == depth.org
            && of.queue == depth.queue
            && depth.build.as_ref().is_none_or(|build| of.build.as_ref().map(Build::as_str) == Some(build.as_str()))
    };
    slots.iter().filter(takes).map(|of| of.slots).sum()
}
