//! Batches whose turn it is: those that were brought items, and those that a sweep found owed.

use std::collections::BTreeSet;

use piton_shared::message::append::Append;
use tokio::sync::mpsc;

use super::Turns;
use crate::store::BatchId;

/// Turns that wait; beyond that they are left to the sweeper.
const WAITING: usize = 4096;
/// Batches of one transaction at most.
const AT_ONCE: usize = 64;

/// Says whose turn it is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Releases {
    waiting: mpsc::Sender<BatchId>,
}

/// What waits for its turn.
#[derive(Debug)]
pub struct Releasing {
    waiting: mpsc::Receiver<BatchId>,
}

impl Releases {
    /// Nothing waits yet.
    pub fn new() -> (Self, Releasing) {
        let (send, receive) = mpsc::channel(WAITING);
        (Self { waiting: send }, Releasing { waiting: receive })
    }

    /// An append that was committed brought items.
    pub fn brought(&self, append: &Append) {
        for chunk in &append.batches {
            self.owed(BatchId { run: append.run, key: chunk.key.clone() });
        }
    }

    /// A batch may have room, or have come to its end. Never waits: when too many wait already the sweeper finds it.
    pub fn owed(&self, batch: BatchId) {
        if let Err(error) = self.waiting.try_send(batch) {
            tracing::debug!(%error, "too many batches wait for their turn; the sweeper finds this one");
        }
    }
}

impl Releasing {
    /// Gives each its turn, until nobody can say so any more.
    pub async fn run(mut self, turns: Turns) {
        let mut waiting = Vec::new();
        // What has room for more than one commit takes goes on at once.
        let mut batches: BTreeSet<BatchId> = BTreeSet::new();
        loop {
            if batches.is_empty() {
                if self.waiting.recv_many(&mut waiting, AT_ONCE).await == 0 {
                    return;
                }
            } else {
                while waiting.len() < AT_ONCE {
                    let Ok(batch) = self.waiting.try_recv() else { break };
                    waiting.push(batch);
                }
            }
            batches.extend(waiting.drain(..));
            let now: Vec<_> = std::mem::take(&mut batches).into_iter().collect();
            match turns.all(&now).await {
                Ok(more) => batches.extend(more),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        batches = now.len(),
                        "batches did not have their turn; the sweeper finds them"
                    );
                }
            }
        }
    }
}
