//! What is owed is paid: leases that are over, publishes that were lost, holds that nobody knows of.

mod batches;
mod emptied;
mod expired;
mod grace;
mod leases;
mod lost_holds;
mod lost_publishes;
mod lost_step_holds;
mod lost_steps;
mod newly_served;
mod owed_events;
mod rolled_back;
mod stream_watch;

use std::time::{Duration, Instant};

use piton_shared::message::dispatch::StepTask;
use piton_telemetry::metrics::SchedulerMetrics;
use tokio_util::sync::CancellationToken;

use self::{
    batches::OwedBatches, leases::LeaseEnds, lost_holds::LostHolds, lost_publishes::LostPublishes,
    lost_step_holds::LostStepHolds, lost_steps::LostSteps, stream_watch::StreamWatch,
};
use crate::{
    batch::Releases,
    dispatch::{Backlog, Giver, Publisher, StepBacklog, ToWorkers},
    event::MatchingHandle,
    intake::RunClock,
    lease::Roster,
    store::{Store, StoreError},
    wake::{End, Waiters},
};

/// Sweeps between two looks at what has all the time in the world.
const SELDOM: u64 = 40;

/// What a sweep works with.
pub struct Sweeper {
    /// Where to look.
    pub store: Store,
    /// What was really published.
    pub work: piton_transport::WorkStream,
    /// What was really published of dispatched work.
    pub step_work: piton_transport::WorkStream<StepTask>,
    /// Whether NATS can be reached.
    pub bus: piton_transport::Bus,
    /// How workers are asked what they hold, and told.
    pub workers: ToWorkers,
    /// Who publishes.
    pub publisher: Publisher,
    /// Who feeds queues.
    pub backlog: Backlog,
    /// Who gives dispatched work away.
    pub giver: Giver,
    /// What of it waits for room.
    pub step_backlog: StepBacklog,
    /// Who waits for ends.
    pub waiters: Waiters,
    /// Who has room.
    pub roster: Roster,
    /// Whose ids follow the database's clock.
    pub clock: RunClock,
    /// Who gives batches their turn.
    pub releases: Releases,
    /// Who matches events.
    pub matching: MatchingHandle,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
    /// How often to sweep.
    pub every: Duration,
    /// How long a lease runs.
    pub lease: Duration,
    /// How long a publish may stay unclaimed before it is looked into.
    pub patience: Duration,
}

impl Sweeper {
    /// Sweeps until told to stop. Every part fails for itself: one that cannot be done now is done next time.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.end_leases(&stop),
            self.match_events(&stop),
            self.find_lost_tasks(&stop),
            self.forget(&stop),
            self.undo_declarations(&stop),
            self.bring_back(&stop),
            self.sweep(&stop)
        );
    }

    /// On its own: nothing that is slow to answer may put off the end of a lease.
    async fn end_leases(&self, stop: &CancellationToken) {
        let mut leases = LeaseEnds::new(self.lease);
        while !stop.is_cancelled() {
            self.roster.swept();
            said("end leases", leases.sweep(self).await);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// On its own: while JetStream does not answer, nothing else that is owed waits for it.
    async fn find_lost_tasks(&self, stop: &CancellationToken) {
        let mut runs = LostPublishes { patience: self.patience, watch: StreamWatch::default() };
        let mut steps = LostSteps { patience: self.patience, watch: StreamWatch::default() };
        while !stop.is_cancelled() {
            let (runs, steps) = tokio::join!(runs.sweep(self), steps.sweep(self));
            said("republish", runs);
            said("republish dispatched work", steps);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn sweep(&self, stop: &CancellationToken) {
        let mut holds = LostHolds::default();
        let mut batches = OwedBatches::default();
        let mut step_holds = LostStepHolds::default();
        let mut round = 0_u64;
        while !stop.is_cancelled() {
            let began = Instant::now();
            said("feed the backlog", self.backlog.feed().await);
            said("feed the backlog of dispatched work", self.step_backlog.feed(&self.giver).await);
            said("ask what is held", holds.sweep(self).await);
            said("give batches their turn", batches.sweep(self).await);
            said("ask what is executed", step_holds.sweep(self).await);
            if round.is_multiple_of(4) {
                said("look for ends", self.look_for_ends().await);
            }
            if round.is_multiple_of(SELDOM) {
                said("read the database's clock", self.clock.correct(&self.store).await);
            }
            round += 1;
            self.metrics.sweeps.inc();
            self.metrics.sweep_time.seconds(began.elapsed());
            self.metrics.nats_dropped.set(i64::try_from(self.bus.dropped()).unwrap_or(i64::MAX));
            let again = tokio::time::sleep(self.every);
            tokio::pin!(again);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = &mut again => break,
                    () = self.backlog.room_again() => said("feed the backlog", self.backlog.feed().await),
                    () = self.step_backlog.room_again() => {
                        said("feed the backlog of dispatched work", self.step_backlog.feed(&self.giver).await);
                    }
                }
            }
        }
    }

    /// Polling as a fallback: ends that other schedulers committed and whose message was lost.
    async fn look_for_ends(&self) -> Result<(), StoreError> {
        let waited = self.waiters.waited_for();
        if !waited.is_empty() {
            for run in self.store.ended_of(&waited).await? {
                self.waiters.told(run, End::Elsewhere);
            }
        }
        Ok(())
    }
}

fn said<T>(what: &str, outcome: Result<T, StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "failed to {what}; the next sweep tries again");
    }
}
