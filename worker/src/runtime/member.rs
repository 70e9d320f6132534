//! One registration of this process: what everything that works under it shares.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;

use piton_shared::{
    ids::{AttemptId, RunId, WorkerId, uuid_v7},
    limits,
    message::{
        claim::{ClaimAsk, Grant, HandBackReason},
        dispatch::{StepAsk, StepEnd, StepEnding, StepGrant},
    },
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    claim::Asking,
    clock::Clock,
    controls::Controls,
    dispatched,
    door::Door,
    finisher,
    hand_back::Returned,
    hold,
    holdings::{Added, AddedStep, Holdings},
    journaler::Job,
    lease::Lease,
    polls::Polls,
    validity::Validity,
};
use crate::{Registry, WorkerOptions};

/// Letters that wait for a run's task. Functions wait for room; a wake that finds none is asked for.
const LETTERS: usize = 64;

/// One registration.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: WorkerId,
    pub(super) registry: Arc<Registry>,
    pub(super) options: WorkerOptions,
    pub(super) terms: Terms,
    pub(super) door: Door,
    pub(super) clock: Clock,
    pub(super) lease: Arc<Lease>,
    pub(super) controls: Controls,
    pub(super) holdings: Holdings,
    pub(super) run_slots: Arc<Semaphore>,
    pub(super) step_slots: Arc<Semaphore>,
    pub(super) journal: mpsc::Sender<Job>,
    pub(super) returns: mpsc::Sender<Returned>,
    pub(super) finishes: mpsc::Sender<finisher::Job>,
    /// Room for results of dispatched work that were not answered yet.
    pub(super) reports: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// User code that is polled in this process.
    pub(super) polls: Polls,
    /// A heartbeat is wanted at once.
    pub(super) beat_now: Notify,
    /// No new work is taken.
    pub(super) draining: CancellationToken,
    /// Nothing is done any more under this registration.
    pub(super) over: CancellationToken,
}

/// What the scheduler said at registration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) lease: Duration,
    pub(super) heartbeat: Duration,
}

impl Terms {
    /// How long after a heartbeat was sent functions may begin.
    pub(super) fn usable(self) -> Duration {
        self.lease.saturating_sub(limits::LEASE_MARGIN)
    }
}

impl Member {
    /// Holds a run that was granted by a statement that saw controls up to `control_version`, or gives it back. A grant
    /// that is not good any more is returned, to be claimed again.
    pub(super) fn take(
        self: &Arc<Self>,
        grant: Grant,
        control_version: i64,
        validity: Validity,
        slot: OwnedSemaphorePermit,
    ) -> Option<Asking<ClaimAsk>> {
        let (run, epoch, attempt) = (grant.run, grant.epoch, grant.attempt);
        if self.draining.is_cancelled() {
            self.give_back(run, attempt, HandBackReason::Released);
            return None;
        }
        if self.registry.workflow(&grant.workflow).is_none() {
            tracing::warn!(%run, workflow = grant.workflow, "this worker has no such workflow: it gives the run back");
            self.give_back(run, attempt, HandBackReason::Lacking);
            return None;
        }
        let (letters, inbox) = mpsc::channel(LETTERS);
        let drain = self.draining.child_token();
        match self.holdings.add(&grant, control_version, validity, letters.clone(), drain) {
            Added::Yes(place) => {
                self.tasks.spawn(hold::hold(Arc::clone(self), grant, slot, letters, inbox, place));
            }
            Added::Already => tracing::debug!(%run, "granted again, and held already"),
            Added::Denied => tracing::debug!(%run, "granted after this worker denied that it holds it"),
            Added::Late => {
                tracing::debug!(%run, "the grant came late: the run is claimed again");
                return Some(Asking { ask: ClaimAsk { run, epoch, attempt }, slot });
            }
            Added::Killed => tracing::debug!(%run, "granted after it was killed"),
            Added::Refused | Added::Paused => self.give_back(run, attempt, HandBackReason::Released),
            Added::Crowded => self.give_back(run, attempt, HandBackReason::Crowded),
        }
        None
    }

    /// Executes dispatched work that was granted by a statement that saw controls up to `control_version`, or returns it. A
    /// grant that is not good any more is returned, to be claimed again.
    pub(super) fn take_step(
        self: &Arc<Self>,
        grant: StepGrant,
        control_version: i64,
        validity: Validity,
        slot: OwnedSemaphorePermit,
    ) -> Option<Asking<StepAsk>> {
        if self.draining.is_cancelled() {
            self.return_step(grant, HandBackReason::Released);
            return None;
        }
        let Some(function) = self.registry.function(&grant.function).cloned() else {
            tracing::warn!(work = %grant.dispatch, function = grant.function, "this worker has no such function");
            self.return_step(grant, HandBackReason::Lacking);
            return None;
        };
        match self.holdings.add_step(&grant, control_version, validity) {
            AddedStep::Yes(place) => {
                self.tasks.spawn(dispatched::hold(Arc::clone(self), function, grant, slot, place));
            }
            AddedStep::Already => tracing::debug!(work = %grant.dispatch, "granted again, and held already"),
            AddedStep::Denied => tracing::debug!(work = %grant.dispatch, "granted after it was denied or dropped"),
            AddedStep::Late => {
                tracing::debug!(work = %grant.dispatch, "the grant came late: the work is claimed again");
                let ask = StepAsk { dispatch: grant.dispatch, epoch: grant.epoch, hold: grant.hold };
                return Some(Asking { ask, slot });
            }
            AddedStep::Killed => tracing::debug!(work = %grant.dispatch, "granted after its run was killed"),
            AddedStep::Paused | AddedStep::Refused => self.return_step(grant, HandBackReason::Released),
        }
        None
    }

    /// Returns dispatched work that does not begin here. Should there be no room to say so, the scheduler finds that it is
    /// not known here.
    pub(super) fn return_step(&self, grant: StepGrant, reason: HandBackReason) {
        let end = StepEnd { dispatch: grant.dispatch, hold: grant.hold, ending: StepEnding::Returned { reason } };
        // Whatever it is answered, there is nothing left to do.
        let (reply, _) = oneshot::channel();
        if self.finishes.try_send(finisher::Job { end: Box::new(end), reply }).is_err() {
            tracing::warn!("too much dispatched work is being returned: the scheduler will ask");
        }
    }

    /// Runs a task without which this registration is of no use.
    pub(super) fn spawn_vital(self: &Arc<Self>, what: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let member = Arc::clone(self);
        self.tasks.spawn(async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            let wanted = member.over.is_cancelled() || member.draining.is_cancelled();
            if panicked || !wanted {
                tracing::error!(what, panicked, "a part of the worker has ended: it begins anew under another id");
                member.lease.end();
                member.holdings.clear();
            }
        });
    }

    /// Gives a run back. Should there be no room to say so, the scheduler finds that it is not known here.
    pub(super) fn give_back(&self, run: RunId, attempt: AttemptId, reason: HandBackReason) {
        if self.returns.try_send(Returned { run, attempt, reason }).is_err() {
            tracing::warn!(%run, "too many runs are being given back: the scheduler will ask");
        }
    }
}

/// A fresh id of a registration by this machine's clock.
pub(super) fn fresh_worker(clock: Clock) -> WorkerId {
    let millis = u64::try_from(clock.now().as_micros() / 1000).unwrap_or(0);
    WorkerId::fresh(millis, rand::random())
}

/// A fresh UUIDv7 by this machine's clock.
pub(super) fn fresh_uuid(clock: Clock) -> uuid::Uuid {
    let millis = u64::try_from(clock.now().as_micros() / 1000).unwrap_or(0);
    uuid_v7(millis, rand::random())
}
