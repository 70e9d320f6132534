//! Looking at runs: one query for all that are looked at at a time.
//!
//! Every caller who waits for a run's end reads its row once. Read one by one, these rows would cost as much as the
//! run's own journal.

use std::sync::Arc;

use piton_shared::{ids::RunId, limits, name::Org};
use piton_telemetry::metrics::{Group, SchedulerMetrics};
use tokio::sync::{mpsc, oneshot};

use crate::{
    gather::Gatherer,
    store::{RunRow, Store, StoreError},
};

type Found = Result<Option<RunRow>, Arc<StoreError>>;

/// A look that waits for its query.
#[derive(Debug)]
pub struct Job {
    run: RunId,
    reply: oneshot::Sender<Found>,
}

/// Where doors look at runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Looks {
    jobs: mpsc::Sender<Job>,
}

/// Why a run could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// More looks wait than the bound allows, or the scheduler stops.
    #[error("too many requests are waiting")]
    Full,
    /// The database is away, or refuses.
    #[error("failed to read the run")]
    Store(#[source] Arc<StoreError>),
}

impl Looks {
    /// A handle, and the jobs that come through it.
    pub fn new(metrics: SchedulerMetrics) -> (Self, Gatherer<Job>) {
        let (send, receive) = mpsc::channel(limits::COMMIT_WAITING);
        (Self { jobs: send }, Gatherer::new(receive, limits::COMMIT_ROWS / 4, metrics, Group::Look))
    }

    /// One run of an org; none when there is no such run there.
    pub async fn run(&self, run: RunId, org: &Org) -> Result<Option<RunRow>, LookError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { run, reply }).map_err(|_| LookError::Full)?;
        let found = answer.await.map_err(|_| LookError::Full)?.map_err(LookError::Store)?;
        Ok(found.filter(|row| row.org == org.as_str()))
    }
}

/// Answers looks until every handle is gone.
pub async fn look(store: Store, mut jobs: Gatherer<Job>) {
    while let Some(batch) = jobs.next(|_| 1).await {
        let began = std::time::Instant::now();
        let mut runs: Vec<_> = batch.iter().map(|job| job.run).collect();
        runs.sort_unstable();
        runs.dedup();
        let found = store.runs_get(&runs).await.map_err(Arc::new);
        jobs.committed(runs.len(), began);
        for job in batch {
            let answer = match &found {
                Ok(rows) => Ok(rows.iter().find(|row| row.run == job.run).cloned()),
                Err(error) => Err(error.clone()),
            };
            // A caller that went away needs no answer.
            drop(job.reply.send(answer));
        }
    }
}
