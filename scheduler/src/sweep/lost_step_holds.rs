//! Dispatched work that the database says a live worker executes, and that the worker knows nothing of.

use std::collections::HashMap;

use piton_shared::{
    ids::{HoldId, RunId, WorkerId},
    journal::StepKey,
    limits,
    message::{
        claim::HandBackReason,
        dispatch::{DispatchId, StepEnd, StepEnding},
        wake::Holding,
    },
};
use piton_telemetry::metrics::Swept;
use uuid::Uuid;

use super::{Sweeper, lost_holds::ANSWER};
use crate::{
    dispatch::cut,
    store::{Finishing, StoreError},
};

/// Asks workers page by page, one page a sweep, round and round.
#[derive(Debug)]
pub(super) struct LostStepHolds {
    after: DispatchId,
}

impl Default for LostStepHolds {
    fn default() -> Self {
        Self { after: first() }
    }
}

/// Before all there is.
fn first() -> DispatchId {
    DispatchId { run: RunId::new(Uuid::nil()), key: StepKey::new(""), item: 0 }
}

impl LostStepHolds {
    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        let page = sweeper.store.steps_held_page(&self.after, limits::HOLD_ASKED, limits::SWEEP_ROWS).await?;
        self.after = match page.last() {
            Some(last) if page.len() as i64 >= limits::SWEEP_ROWS => last.dispatch.clone(),
            _ => first(),
        };
        let mut by_worker: HashMap<WorkerId, Vec<(DispatchId, HoldId)>> = HashMap::new();
        for row in page {
            by_worker.entry(row.worker).or_default().push((row.dispatch, row.hold));
        }
        let questions = by_worker.into_iter().flat_map(|(worker, steps)| {
            cut(steps, |(dispatch, _)| 128 + dispatch.key.as_str().len()).into_iter().map(move |steps| (worker, steps))
        });
        let asking = questions.map(|(worker, steps)| async move {
            (worker, sweeper.workers.holds(worker, &Holding { runs: Vec::new(), steps }, ANSWER).await)
        });
        for (worker, answer) in futures::future::join_all(asking).await {
            let Some(holds) = answer.filter(|holds| !holds.unknown_steps.is_empty()) else { continue };
            let ending = StepEnding::Returned { reason: HandBackReason::Released };
            let end = |(dispatch, hold)| Finishing { worker, end: StepEnd { dispatch, hold, ending: ending.clone() } };
            let ends: Vec<_> = holds.unknown_steps.into_iter().map(end).collect();
            let pass = sweeper.store.finish(&ends).await?;
            sweeper.metrics.swept.at(Swept::Released).add(pass.offers.len() as u64);
            if !pass.offers.is_empty() {
                let steps = pass.offers.len();
                tracing::info!(%worker, steps, "a worker did not know of steps it was said to execute");
            }
            sweeper.giver.offer(pass.offers);
        }
        Ok(())
    }
}
