//! Dispatched work in this worker's hands.

use piton_shared::{
    ids::{Epoch, HoldId},
    message::dispatch::{DispatchId, StepGrant},
};
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Begun, Executed, Holdings, Inner};
use crate::runtime::{clock::steady, solitude::Solitude, validity::Validity};

/// Dispatched work in this worker's hands.
#[derive(Debug)]
pub(super) struct HeldStep {
    hold: HoldId,
    epoch: Epoch,
    lost: CancellationToken,
    gone: CancellationToken,
    function: Option<Executed>,
}

/// The place of dispatched work in the holdings.
#[derive(Debug)]
pub(in crate::runtime) struct StepPlace {
    /// Cancelled once the hold is lost.
    pub(in crate::runtime) lost: CancellationToken,
    /// To be kept as long as anything may run under this hold.
    pub(in crate::runtime) gone: DropGuard,
    /// Done once nothing runs any more under the hold that was here before.
    pub(in crate::runtime) before: Option<CancellationToken>,
}

/// What becomes of a grant of dispatched work.
#[derive(Debug)]
pub(in crate::runtime) enum AddedStep {
    /// It is held.
    Yes(StepPlace),
    /// It is held already, by this very hold or by one of a later publish.
    Already,
    /// It was denied to a scheduler, or dropped by one.
    Denied,
    /// It came too late to know whether it still stands.
    Late,
    /// Its run was killed.
    Killed,
    /// Its run was paused after it was granted.
    Paused,
    /// The worker is kept for a run that runs alone.
    Refused,
}

impl HeldStep {
    pub(super) fn lose(&self) {
        self.lost.cancel();
        self.function.iter().for_each(Executed::abort);
    }

    pub(super) fn abort(&mut self) {
        self.function.take().iter().for_each(Executed::abort);
    }

    pub(super) fn function(&mut self) -> Option<&mut Executed> {
        self.function.as_mut()
    }
}

impl Inner {
    fn forget_step(&mut self, dispatch: &DispatchId, hold: HoldId) {
        if self.steps.get(dispatch).is_some_and(|held| held.hold == hold)
            && let Some(held) = self.steps.remove(dispatch)
        {
            held.lose();
        }
    }
}

impl Holdings {
    /// Takes dispatched work, granted by a statement that saw controls up to `control_version`. A hold of an earlier
    /// publish that was here has lost it.
    pub(in crate::runtime) fn add_step(
        &self,
        grant: &StepGrant,
        control_version: i64,
        validity: Validity,
    ) -> AddedStep {
        let mut inner = self.inner.lock();
        let run = grant.dispatch.run;
        if inner.killed.contains(run) {
            return AddedStep::Killed;
        }
        if inner.denied.contains(grant.hold.uuid()) {
            return AddedStep::Denied;
        }
        if inner.paused.since(run, control_version) {
            return AddedStep::Paused;
        }
        let before = inner.steps.get(&grant.dispatch);
        if before.is_some_and(|held| held.hold == grant.hold || held.epoch >= grant.epoch) {
            return AddedStep::Already;
        }
        if inner.solitude != Solitude::Open {
            return AddedStep::Refused;
        }
        if validity.is_over(steady()) {
            return AddedStep::Late;
        }
        let (lost, gone) = (CancellationToken::new(), CancellationToken::new());
        let held =
            HeldStep { hold: grant.hold, epoch: grant.epoch, lost: lost.clone(), gone: gone.clone(), function: None };
        let before = inner.steps.insert(grant.dispatch.clone(), held).map(|before| {
            before.lose();
            before.gone
        });
        AddedStep::Yes(StepPlace { lost, gone: gone.drop_guard(), before })
    }

    /// Begins its function, unless the hold is lost, the run is paused or the lease has lapsed.
    pub(in crate::runtime) fn begin_step(
        &self,
        dispatch: &DispatchId,
        hold: HoldId,
        mut function: Executed,
        spawn: impl FnOnce() -> AbortHandle,
    ) -> Begun {
        let mut inner = self.inner.lock();
        if inner.paused.contains(dispatch.run) || !self.lease.is_held() {
            return Begun::No;
        }
        match inner.steps.get_mut(dispatch) {
            Some(held) if held.hold == hold => {
                function.task = Some(spawn());
                held.function = Some(function);
                Begun::Yes
            }
            Some(_) | None => Begun::No,
        }
    }

    /// Its function has ended by itself; what became of it is to be reported.
    pub(in crate::runtime) fn step_ended(&self, dispatch: &DispatchId, hold: HoldId) {
        let mut inner = self.inner.lock();
        if let Some(held) = inner.steps.get_mut(dispatch).filter(|held| held.hold == hold) {
            held.function = None;
        }
    }

    /// Forgets it, if this hold still has it.
    pub(in crate::runtime) fn remove_step(&self, dispatch: &DispatchId, hold: HoldId) {
        self.inner.lock().forget_step(dispatch, hold);
    }

    /// A scheduler says that nobody waits for its result: it is dropped, also if its grant comes later.
    pub(in crate::runtime) fn drop_step(&self, dispatch: &DispatchId, hold: HoldId) {
        let mut inner = self.inner.lock();
        inner.denied.insert(hold.uuid());
        inner.forget_step(dispatch, hold);
    }

    /// Those of the holds that are not here. They are denied from now on: a grant of them that comes later begins nothing.
    pub(in crate::runtime) fn deny_steps(&self, mut steps: Vec<(DispatchId, HoldId)>) -> Vec<(DispatchId, HoldId)> {
        let mut inner = self.inner.lock();
        steps.retain(|(dispatch, hold)| {
            let held = inner.steps.get(dispatch).is_some_and(|held| held.hold == *hold);
            !held && !inner.expected.contains(&hold.uuid())
        });
        for (_, hold) in &steps {
            inner.denied.insert(hold.uuid());
        }
        steps
    }
}
