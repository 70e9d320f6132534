//! Cancel, kill, pause, resume: what operators ask of one run.

use std::time::Duration;

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::StepKey,
    message::{
        batch::BATCH_RUN_KEY,
        wake::{Action, Control, ToWorker},
    },
    name::Org,
};
use tokio::time::Instant;

use crate::{
    batch::Releases,
    dispatch::Giver,
    engine::{Cancelled, Killed, Paused, Resumed},
    store::{BatchId, CancelOutcome, KillOutcome, PauseOutcome, ResumeOutcome, StoreError},
    wake::{End, Teller, Waiters},
};

/// How often to look whether a worker has confirmed.
const CONFIRM_EVERY: Duration = Duration::from_millis(20);

/// Carries operators' wishes out. Cheap to clone.
#[derive(Clone)]
pub struct Controls {
    /// Who wakes runs and their holders.
    pub teller: Teller,
    /// Who gives dispatched work away again.
    pub giver: Giver,
    /// Who waits for ends.
    pub waiters: Waiters,
    /// Who drops what closed batches had under way.
    pub releases: Releases,
}

impl Controls {
    /// Asks a run to stop. None when there is no such run.
    pub async fn cancel(&self, run: RunId, org: &Org, reason: &str) -> Result<Option<Cancelled>, StoreError> {
        Ok(match self.teller.store.cancel(run, org, reason).await? {
            None => None,
            Some(outcome) => Some(self.cancelled(run, outcome).await),
        })
    }

    /// Tells of a cancel that is committed whoever has to know.
    pub async fn cancelled(&self, run: RunId, outcome: CancelOutcome) -> Cancelled {
        match outcome {
            CancelOutcome::Ended(state) => Cancelled::Ended(state),
            CancelOutcome::Cancelled => {
                self.waiters.ended(run, End::Elsewhere);
                // If it was nothing but a batch, what that had under way is dropped.
                self.releases.owed(BatchId { run, key: StepKey::new(BATCH_RUN_KEY) });
                Cancelled::Cancelled
            }
            CancelOutcome::Requested(told) => {
                self.teller.tell(told.into_iter().collect()).await;
                Cancelled::Requested
            }
        }
    }

    /// Kills a run and waits, at most `confirm_within`, until everybody who works on it has confirmed or is gone.
    pub async fn kill(&self, run: RunId, org: &Org, confirm_within: Duration) -> Result<Option<Killed>, StoreError> {
        let (version, holders) = match self.teller.store.kill(run, org).await? {
            None => return Ok(None),
            Some(KillOutcome::Ended(state)) => return Ok(Some(Killed::Ended(state))),
            Some(KillOutcome::Killed { version, holders }) => (version, holders),
        };
        self.waiters.ended(run, End::Elsewhere);
        Ok(Some(match self.order(run, Action::Kill, version, &holders, confirm_within).await {
            Confirmed::Yes => Killed::Confirmed,
            Confirmed::NotYet => Killed::Committed,
        }))
    }

    /// Pauses a run and waits, at most `confirm_within`, until everybody who works on it has confirmed or is gone.
    pub async fn pause(&self, run: RunId, org: &Org, confirm_within: Duration) -> Result<Option<Paused>, StoreError> {
        let (version, holders) = match self.teller.store.pause(run, org).await? {
            None => return Ok(None),
            Some(PauseOutcome::Ended(state)) => return Ok(Some(Paused::Ended(state))),
            Some(PauseOutcome::Before) => return Ok(Some(Paused::Before)),
            Some(PauseOutcome::Paused { version, holders }) => (version, holders),
        };
        Ok(Some(match self.order(run, Action::Pause, version, &holders, confirm_within).await {
            Confirmed::Yes => Paused::Confirmed,
            Confirmed::NotYet => Paused::Committed,
        }))
    }

    /// Tells workers of a control and waits until all have applied it, or their leases have ended. It is committed whatever
    /// happens here: an error on the way to its confirmation is no error of the order.
    async fn order(
        &self,
        run: RunId,
        action: Action,
        version: i64,
        holders: &[WorkerId],
        within: Duration,
    ) -> Confirmed {
        // With nobody at the commit it is confirmed as it stands: whoever claims it now is refused.
        if holders.is_empty() {
            return Confirmed::Yes;
        }
        for worker in holders {
            self.teller.workers.tell(*worker, &ToWorker::Control(Control { version, run, action })).await;
        }
        let until = Instant::now() + within;
        loop {
            match self.teller.store.control_confirmed(holders, version).await {
                Ok(true) => return Confirmed::Yes,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, %run, "failed to look for a control's confirmation");
                }
            }
            if Instant::now() >= until {
                return Confirmed::NotYet;
            }
            tokio::time::sleep(CONFIRM_EVERY).await;
        }
    }

    /// Lets a run go on that is parked or paused. None when there is no such run.
    pub async fn resume(&self, run: RunId, org: &Org) -> Result<Option<Resumed>, StoreError> {
        Ok(match self.teller.store.resume(run, org).await? {
            None => None,
            Some(ResumeOutcome::Unstopped(state)) => Some(Resumed::Unstopped(state)),
            Some(ResumeOutcome::Resumed { run: resumed, offers, version, holder }) => {
                if let (Some(version), Some(worker)) = (version, holder) {
                    let control = Control { version, run, action: Action::Unpause };
                    self.teller.workers.tell(worker, &ToWorker::Control(control)).await;
                }
                self.giver.offer(offers);
                let state = resumed.state;
                self.teller.publisher.publish(vec![resumed]);
                Some(Resumed::GoesOn(state))
            }
        })
    }
}

/// Whether a control is confirmed.
enum Confirmed {
    Yes,
    NotYet,
}
