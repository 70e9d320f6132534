//! Ending leases.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use piton_shared::{ids::WorkerId, limits, message::wake::ToWorker, state::RunState};
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
    /// Those that could not be ended, though their leases are over: they hold up no others.
    failed: HashSet<WorkerId>,
}

impl LeaseEnds {
    /// Begins as after a cut: what happened before is not known.
    pub(super) fn new(lease: Duration) -> Self {
        Self { grace: Grace::new(lease, Instant::now()), failed: HashSet::new() }
    }

    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        if *sweeper.bus.state().borrow() != BusState::Connected {
            self.grace.look(Instant::now(), Seen::NatsAway);
            return Ok(());
        }
        let expired = sweeper.store.expired_workers(WORKERS).await;
        let seen = if expired.is_ok() { Seen::Both } else { Seen::PostgresAway };
        let ending = self.grace.look(Instant::now(), seen);
        let mut expired = expired?;
        self.failed.retain(|worker| expired.contains(worker));
        if ending == Ending::NotYet {
            return Ok(());
        }
        expired.sort_by_key(|worker| self.failed.contains(worker));
        for worker in expired {
            let ended = sweeper.store.end_lease(worker, limits::STRIKES).await;
            if ended.is_err() {
                self.failed.insert(worker);
            }
            if let Some(left) = ended? {
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
            // Each was a look: many that are ended one after the other are no cut.
            if self.grace.look(Instant::now(), Seen::Both) == Ending::NotYet {
                return Ok(());
            }
        }
        Ok(())
    }
}
