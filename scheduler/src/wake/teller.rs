//! Telling runs what came from outside: the holder is woken, a suspended run is published.

use piton_shared::message::wake::ToWorker;

use crate::{
    dispatch::{Publisher, ToWorkers, cut, entry_bytes},
    store::{Store, Told},
};

/// Runs that one statement reads for; their results are in memory together.
const TOLD_AT_ONCE: usize = 64;

/// Wakes runs. Cheap to clone.
#[derive(Clone)]
pub struct Teller {
    /// Where the rows are read.
    pub store: Store,
    /// Who publishes suspended runs.
    pub publisher: Publisher,
    /// How workers are told.
    pub workers: ToWorkers,
}

impl Teller {
    /// Wakes whoever has to know. Hints all: a holder that is not told asks when it wants to suspend.
    pub async fn tell(&self, told: Vec<Told>) {
        let held: Vec<_> = told.iter().filter_map(|told| Some((told.holder?, told))).collect();
        for held in held.chunks(TOLD_AT_ONCE) {
            let asked: Vec<_> =
                held.iter().map(|(_, told)| (told.run, told.outside - told.fired, told.fired)).collect();
            match self.store.journals_outside(&asked).await {
                Ok(found) => {
                    for (((worker, attempt), told), entries) in held.iter().zip(found) {
                        for entries in cut(entries, entry_bytes) {
                            let wake = ToWorker::Wake { run: told.run, attempt: *attempt, entries };
                            self.workers.tell(*worker, &wake).await;
                        }
                    }
                }
                Err(error) => tracing::warn!(runs = held.len(), %error, "failed to read what runs are to be told"),
            }
        }
        self.publisher.publish(told.into_iter().filter_map(|told| told.publish).collect());
    }
}
