//! Publishes of dispatched work that nobody will ever claim: as with runs, the task was lost, spent by a worker that died,
//! or is of an older epoch.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use piton_shared::limits;
use piton_telemetry::metrics::Swept;
use piton_transport::WorkError;

use super::{
    Sweeper,
    lost_publishes::{LOOKS, Looked, PAGES, Task, fate},
    stream_watch::{StreamWatch, Tasks},
};
use crate::store::{Offer, StoreError};

/// Looks into what was published longer ago than its patience, which doubles with each fruitless publish.
#[derive(Debug)]
pub(super) struct LostSteps {
    /// How long a publish may stay unclaimed before it is looked into.
    pub(super) patience: Duration,
    /// Whether the stream is still the same.
    pub(super) watch: StreamWatch,
}

impl LostSteps {
    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let Some(found) = self.watch.look(&sweeper.step_work).await else { return Ok(()) };
        if found.tasks == Tasks::Doubtful {
            for _ in 0..PAGES {
                if sweeper.store.step_publishes_reset(self.patience, limits::SWEEP_ROWS).await? == 0 {
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
        let overdue = sweeper.store.steps_overdue(self.patience, limits::SWEEP_ROWS).await?;
        let mut looked = if (overdue.len() as i64) < limits::SWEEP_ROWS { Looked::Over } else { Looked::More };
        let (mut waiting, mut lost, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        let fates = stream::iter(overdue).map(async |offer| (look(sweeper, &offer).await, offer));
        let mut fates = std::pin::pin!(fates.buffered(LOOKS));
        while let Some((fate, offer)) = fates.next().await {
            match fate {
                Ok(Task::Waiting) => waiting.push(offer),
                Ok(Task::Lost(sequence)) => {
                    lost.push(offer);
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
            sweeper.store.steps_still_waiting(&waiting).await?;
        }
        if !lost.is_empty() {
            let published = sweeper.store.republish_steps(&lost).await?;
            sweeper.metrics.swept.at(Swept::Republished).add(published.len() as u64);
            if !published.is_empty() {
                tracing::info!(steps = published.len(), "published again what nobody had claimed");
            }
            sweeper.giver.publish(published);
            for sequence in spent {
                if let Err(error) = sweeper.step_work.delete(sequence).await {
                    tracing::debug!(%error, sequence, "an older task was not deleted; its claim will be refused");
                }
            }
        }
        Ok(looked)
    }
}

async fn look(sweeper: &Sweeper, offer: &Offer) -> Result<Task, WorkError> {
    let work = &sweeper.step_work;
    let subject = sweeper.bus.subjects().step(&offer.org, &offer.queue, offer.build.as_ref(), &offer.dispatch);
    let stored = work.last_of(&subject).await?;
    let stored = stored.map(|stored| (stored.sequence, stored.task.is_ok_and(|task| task.epoch == offer.epoch)));
    fate(work, stored, &offer.org, &offer.queue, offer.build.as_ref()).await
}
