//! Runs that the database says a live worker holds, and that the worker knows nothing of: its grant was lost.

use std::{collections::HashMap, time::Duration};

use piton_shared::{
    ids::{AttemptId, RunId, WorkerId},
    limits,
    message::wake::Holding,
};
use piton_telemetry::metrics::Swept;
use uuid::Uuid;

use super::Sweeper;
use crate::store::StoreError;

/// How long to wait for a worker's answer; a silent one is its lease's business.
pub(super) const ANSWER: Duration = Duration::from_millis(500);

/// Asks workers page by page, one page a sweep, round and round.
#[derive(Debug)]
pub(super) struct LostHolds {
    after: RunId,
}

impl Default for LostHolds {
    fn default() -> Self {
        Self { after: RunId::new(Uuid::nil()) }
    }
}

impl LostHolds {
    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let page = sweeper.store.held_page(self.after, limits::HOLD_ASKED, limits::SWEEP_ROWS).await?;
        self.after = match page.last() {
            Some(last) if page.len() as i64 >= limits::SWEEP_ROWS => last.run,
            _ => RunId::new(Uuid::nil()),
        };
        let mut by_worker: HashMap<WorkerId, Vec<(RunId, AttemptId)>> = HashMap::new();
        for row in page {
            by_worker.entry(row.worker).or_default().push((row.run, row.attempt));
        }
        let asking = by_worker.into_iter().map(|(worker, runs)| async move {
            (worker, sweeper.workers.holds(worker, &Holding { runs, steps: Vec::new() }, ANSWER).await)
        });
        for (worker, answer) in futures::future::join_all(asking).await {
            let Some(holds) = answer.filter(|holds| !holds.unknown.is_empty()) else { continue };
            let requeued = sweeper.store.hand_back(worker, &holds.unknown, None).await?;
            sweeper.metrics.swept.at(Swept::Released).add(requeued.len() as u64);
            if !requeued.is_empty() {
                tracing::info!(%worker, runs = requeued.len(), "a worker did not know of runs it was said to hold");
            }
            sweeper.publisher.publish(requeued);
        }
        Ok(())
    }
}
