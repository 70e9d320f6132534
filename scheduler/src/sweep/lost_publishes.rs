//! Publishes that nobody will ever claim: the task was lost, spent by a worker that died, or is of an older epoch.

use std::time::Duration;

use piton_shared::{
    limits,
    name::{Build, Org, Queue},
};
use piton_telemetry::metrics::Swept;
use piton_transport::{Work, WorkError, WorkStream};

use super::Sweeper;
use crate::{
    dispatch::run_stream,
    store::{Published, StoreError},
};

/// Looks into what was published longer ago than its patience, which doubles with each fruitless round.
#[derive(Debug)]
pub(super) struct LostPublishes {
    /// How long a publish may stay unclaimed before it is looked into.
    pub(super) patience: Duration,
}

/// What became of a task.
pub(super) enum Task {
    /// It lies undelivered in the stream.
    Waiting,
    /// It is gone or was delivered: this sequence can be deleted after the new publish.
    Lost(Option<u64>),
}

impl LostPublishes {
    pub(super) async fn sweep(&self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let overdue = sweeper.store.overdue_published(self.patience, limits::SWEEP_ROWS).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let mut waiting = Vec::new();
        let mut lost = Vec::new();
        let mut spent = Vec::new();
        for run in overdue {
            match look(sweeper, &run).await {
                Ok(Task::Waiting) => waiting.push(run),
                Ok(Task::Lost(sequence)) => {
                    lost.push(run);
                    spent.extend(sequence);
                }
                Err(WorkError::NoStream { .. }) => {
                    tracing::warn!("the stream of run tasks is gone; making it anew");
                    if let Err(error) = run_stream(&sweeper.bus).await {
                        tracing::warn!(%error, "failed to make the stream of run tasks");
                        return Ok(());
                    }
                    lost.push(run);
                }
                Err(error) => {
                    tracing::debug!(%error, "NATS cannot say what became of a task; looking again next time");
                    break;
                }
            }
        }
        if !waiting.is_empty() {
            sweeper.store.still_waiting(&waiting).await?;
        }
        if !lost.is_empty() {
            let published = sweeper.store.republish(&lost).await?;
            sweeper.metrics.swept.at(Swept::Republished).add(published.len() as u64);
            tracing::info!(runs = published.len(), "published again what nobody had claimed");
            sweeper.publisher.publish(published);
            for sequence in spent {
                if let Err(error) = sweeper.work.delete(sequence).await {
                    tracing::debug!(%error, sequence, "an older task was not deleted; its claim will be refused");
                }
            }
        }
        Ok(())
    }
}

async fn look(sweeper: &Sweeper, run: &Published) -> Result<Task, WorkError> {
    let work = &sweeper.work;
    let subject = sweeper.bus.subjects().run(&run.org, &run.queue, run.build.as_ref(), run.run);
    let stored = work.last_of(&subject).await?;
    let stored = stored.map(|stored| (stored.sequence, stored.task.is_ok_and(|task| task.epoch == run.epoch)));
    fate(work, stored, &run.org, &run.queue, run.build.as_ref()).await
}

/// Compares the message last stored, and whether it is of the row's epoch, with how far the consumer is.
pub(super) async fn fate<T: Work>(
    work: &WorkStream<T>,
    stored: Option<(u64, bool)>,
    org: &Org,
    queue: &Queue,
    build: Option<&Build>,
) -> Result<Task, WorkError> {
    let sequence = match stored {
        None => return Ok(Task::Lost(None)),
        Some((sequence, false)) => return Ok(Task::Lost(Some(sequence))),
        Some((sequence, true)) => sequence,
    };
    match work.consumer_progress(org, queue, build).await {
        Ok(progress) if sequence > progress.delivered_sequence => Ok(Task::Waiting),
        Ok(_) => Ok(Task::Lost(Some(sequence))),
        // No worker has ever listened on this queue: it waits for the first.
        Err(WorkError::NoConsumer { .. }) => Ok(Task::Waiting),
        Err(error) => Err(error),
    }
}
