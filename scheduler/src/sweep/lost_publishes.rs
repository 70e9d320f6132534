//! Publishes that nobody will ever claim: the task was lost, spent by a worker that died, or is of an older epoch.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use piton_shared::{
    limits,
    name::{Build, Org, Queue},
};
use piton_telemetry::metrics::Swept;
use piton_transport::{Work, WorkError, WorkStream};

use super::{
    Sweeper,
    stream_watch::{StreamWatch, Tasks},
};
use crate::{
    dispatch::StreamState,
    store::{Published, StoreError},
};

/// Tasks that are looked at side by side.
pub(super) const LOOKS: usize = 16;
/// Pages of publishes that one sweep looks into: more than streams are filled with.
pub(super) const PAGES: usize = 1000;

/// Looks into what was published longer ago than its patience, which doubles with each fruitless publish.
#[derive(Debug)]
pub(super) struct LostPublishes {
    /// How long a publish may stay unclaimed before it is looked into.
    pub(super) patience: Duration,
    /// Whether the stream is still the same.
    pub(super) watch: StreamWatch,
}

/// What became of a task.
pub(super) enum Task {
    /// It lies undelivered in the stream.
    Waiting,
    /// It is gone or was delivered: this sequence can be deleted after the new publish.
    Lost(Option<u64>),
}

/// Whether NATS could be asked about all tasks of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// About all of them, and more may be overdue.
    More,
    /// All that was overdue was looked into, or NATS does not answer: the next sweep goes on.
    Over,
}

impl LostPublishes {
    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let Some(found) = self.watch.look(&sweeper.work).await else {
            sweeper.backlog.saw_stream(StreamState::Away);
            return Ok(());
        };
        sweeper.backlog.saw_stream(StreamState::Answers);
        if found.tasks == Tasks::Doubtful {
            for _ in 0..PAGES {
                if sweeper.store.publishes_reset(self.patience, limits::SWEEP_ROWS).await? == 0 {
                    break;
                }
            }
        }
        self.watch.seen(found);
        for _ in 0..PAGES {
            match self.page(sweeper).await? {
                Looked::More => {}
                Looked::Over => break,
            }
        }
        Ok(())
    }

    async fn page(&self, sweeper: &Sweeper) -> Result<Looked, StoreError> {
        let overdue = sweeper.store.overdue_published(self.patience, limits::SWEEP_ROWS).await?;
        let mut looked = if (overdue.len() as i64) < limits::SWEEP_ROWS { Looked::Over } else { Looked::More };
        let (mut waiting, mut lost, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        let fates = stream::iter(overdue).map(async |run| (look(sweeper, &run).await, run));
        let mut fates = std::pin::pin!(fates.buffered(LOOKS));
        while let Some((fate, run)) = fates.next().await {
            match fate {
                Ok(Task::Waiting) => waiting.push(run),
                Ok(Task::Lost(sequence)) => {
                    lost.push(run);
                    spent.extend(sequence);
                }
                Err(error) => {
                    tracing::debug!(%error, "NATS cannot say what became of a task; looking again next time");
                    looked = Looked::Over;
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
            if !published.is_empty() {
                tracing::info!(runs = published.len(), "published again what nobody had claimed");
            }
            sweeper.publisher.publish(published);
            for sequence in spent {
                if let Err(error) = sweeper.work.delete(sequence).await {
                    tracing::debug!(%error, sequence, "an older task was not deleted; its claim will be refused");
                }
            }
        }
        Ok(looked)
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
