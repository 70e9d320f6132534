//! Ending leases.

use std::time::{Duration, Instant};

use piton_shared::{limits, message::wake::ToWorker, state::RunState};
use piton_transport::BusState;

use piton_telemetry::metrics::{Ending as RunEnding, Swept};

use super::{
    Sweeper,
    grace::{Ending, Grace, Seen},
};
use crate::{
    store::{Poisoned, StoreError},
    wake::End,
};

/// Workers ended by one sweep at most.
const WORKERS: i64 = 100;

/// Ends leases that are over, unless this scheduler was itself cut off.
#[derive(Debug)]
pub(super) struct LeaseEnds {
    grace: Grace,
}

impl LeaseEnds {
    /// Begins as after a cut: what happened before is not known.
    pub(super) fn new(lease: Duration) -> Self {
        Self { grace: Grace::new(lease, Instant::now()) }
    }

    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        if *sweeper.bus.state().borrow() != BusState::Connected {
            self.grace.look(Instant::now(), Seen::NatsAway);
            return Ok(());
        }
        let expired = sweeper.store.expired_workers(WORKERS).await;
        let seen = if expired.is_ok() { Seen::Both } else { Seen::PostgresAway };
        let ending = self.grace.look(Instant::now(), seen);
        let expired = expired?;
        if ending == Ending::NotYet {
            return Ok(());
        }
        for worker in expired {
            if let Some(left) = sweeper.store.end_lease(worker, limits::STRIKES).await? {
                let (runs, steps) = (left.runs.len(), left.offers.len());
                tracing::warn!(%worker, runs, steps, "a worker's lease has ended; what it held goes to others");
                sweeper.metrics.swept.at(Swept::LeasesEnded).inc();
                sweeper.metrics.swept.at(Swept::Requeued).add((runs + steps) as u64);
                sweeper.roster.gone(worker);
                for run in left.runs.iter().filter(|run| run.state == RunState::Parked) {
                    tracing::warn!(%worker, run = %run.run, "a run was alone with its worker when the lease ended, not for the first time: it is parked");
                    sweeper.metrics.runs_ended.at(RunEnding::Parked).inc();
                    sweeper.waiters.ended(run.run, End::Elsewhere);
                }
                for Poisoned { run, holder } in left.poisoned {
                    if let Some((holder, attempt)) = holder {
                        sweeper.workers.tell(holder, &ToWorker::DropRun { run, attempt }).await;
                    }
                    tracing::warn!(%run, "a run is parked: leases ended too often while a worker executed a step of it");
                    sweeper.metrics.runs_ended.at(RunEnding::Parked).inc();
                    sweeper.waiters.ended(run, End::Elsewhere);
                }
                for batch in left.batches {
                    tracing::warn!(run = %batch.run, batch = %batch.key, "an item has failed: leases ended too often while a worker executed it");
                    sweeper.releases.owed(batch);
                }
                sweeper.publisher.publish(left.runs);
                sweeper.giver.offer(left.offers);
            }
        }
        Ok(())
    }
}
