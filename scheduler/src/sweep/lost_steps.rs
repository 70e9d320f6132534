//! Publishes of dispatched work that nobody will ever claim: as with runs, the task was lost, spent by a worker that died,
//! or is of an older epoch.

use std::time::Duration;

use piton_shared::limits;
use piton_telemetry::metrics::Swept;
use piton_transport::WorkError;

use super::{
    Sweeper,
    lost_publishes::{Task, fate},
};
use crate::store::{Offer, StoreError};

/// Looks into what was published longer ago than its patience, which doubles with each fruitless round.
#[derive(Debug)]
pub(super) struct LostSteps {
    /// How long a publish may stay unclaimed before it is looked into.
    pub(super) patience: Duration,
}

impl LostSteps {
    pub(super) async fn sweep(&self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let overdue = sweeper.store.steps_overdue(self.patience, limits::SWEEP_ROWS).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let (mut waiting, mut lost, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        for offer in overdue {
            match look(sweeper, &offer).await {
                Ok(Task::Waiting) => waiting.push(offer),
                Ok(Task::Lost(sequence)) => {
                    lost.push(offer);
                    spent.extend(sequence);
                }
                Err(WorkError::NoStream { .. }) => {
                    tracing::warn!("the stream of dispatched work is gone; making it anew");
                    if let Err(error) = sweeper.step_work.restore().await {
                        tracing::warn!(%error, "failed to make the stream of dispatched work");
                        return Ok(());
                    }
                    lost.push(offer);
                }
                Err(error) => {
                    tracing::debug!(%error, "NATS cannot say what became of a task; looking again next time");
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
            tracing::info!(steps = published.len(), "published again what nobody had claimed");
            sweeper.giver.publish(published);
            for sequence in spent {
                if let Err(error) = sweeper.step_work.delete(sequence).await {
                    tracing::debug!(%error, sequence, "an older task was not deleted; its claim will be refused");
                }
            }
        }
        Ok(())
    }
}

async fn look(sweeper: &Sweeper, offer: &Offer) -> Result<Task, WorkError> {
    let work = &sweeper.step_work;
    let subject = sweeper.bus.subjects().step(&offer.org, &offer.queue, offer.build.as_ref(), &offer.dispatch);
    let stored = work.last_of(&subject).await?;
    let stored = stored.map(|stored| (stored.sequence, stored.task.is_ok_and(|task| task.epoch == offer.epoch)));
    fate(work, stored, &offer.org, &offer.queue, offer.build.as_ref()).await
}
