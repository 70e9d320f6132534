//! Ending leases.

use std::time::{Duration, Instant};

use piton_shared::{limits, message::wake::ToWorker, state::RunState};
use piton_transport::BusState;

use piton_telemetry::metrics::{Ending, Swept};

use super::Sweeper;
use crate::{
    store::{Poisoned, StoreError},
    wake::End,
};

/// Workers ended by one sweep at most.
const WORKERS: i64 = 100;

/// Ends leases that are over, unless this scheduler was itself cut off: then the workers had nobody to beat to, and get
/// one lease's time to do so, and the time they may take to find NATS again after this scheduler has.
#[derive(Debug)]
pub(super) struct LeaseEnds {
    lease: Duration,
    contact: Contact,
    not_before: Instant,
}

/// When this scheduler last reached both Postgres and NATS.
#[derive(Debug, Clone, Copy)]
enum Contact {
    /// It has just begun.
    Never,
    /// Then.
    At(Instant),
    /// It was cut off since.
    Lost,
}

impl LeaseEnds {
    /// Begins as after a cut: what happened before is not known.
    pub(super) fn new(lease: Duration) -> Self {
        Self { lease, contact: Contact::Never, not_before: Instant::now() + lease }
    }

    pub(super) async fn sweep(&mut self, sweeper: &Sweeper) -> Result<(), StoreError> {
        if *sweeper.bus.state().borrow() != BusState::Connected {
            // Nobody's heartbeat can arrive here.
            self.contact = Contact::Lost;
            return Ok(());
        }
        let expired = sweeper.store.expired_workers(WORKERS).await?;
        let now = Instant::now();
        match self.contact {
            Contact::At(last) if now.duration_since(last) <= self.lease => {}
            Contact::Never => self.not_before = now + self.lease,
            Contact::At(_) | Contact::Lost => self.not_before = now + self.lease + limits::RECONNECT_WAIT,
        }
        self.contact = Contact::At(now);
        if now < self.not_before {
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
                    sweeper.metrics.runs_ended.at(Ending::Parked).inc();
                    sweeper.waiters.ended(run.run, End::Elsewhere);
                }
                for Poisoned { run, holder } in left.poisoned {
                    if let Some((holder, attempt)) = holder {
                        sweeper.workers.tell(holder, &ToWorker::DropRun { run, attempt }).await;
                    }
                    tracing::warn!(%run, "a run is parked: leases ended too often while a worker executed a step of it");
                    sweeper.metrics.runs_ended.at(Ending::Parked).inc();
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
