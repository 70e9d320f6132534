//! Telling runs what came from outside: the holder is woken, a suspended run is published.

use piton_shared::message::wake::ToWorker;

use crate::{
    dispatch::{Publisher, ToWorkers, cut, entry_bytes},
    store::{Store, Told},
};

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
        let mut publish = Vec::new();
        for told in told {
            if let Some((worker, attempt)) = told.holder {
                match self.store.journal_outside(told.run, told.outside - told.fired, told.fired).await {
                    Ok(entries) => {
                        for entries in cut(entries, entry_bytes) {
                            self.workers.tell(worker, &ToWorker::Wake { run: told.run, attempt, entries }).await;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(run = %told.run, %error, "failed to read what a run is to be told");
                    }
                }
            }
            publish.extend(told.publish);
        }
        self.publisher.publish(publish);
    }
}
