//! Cancel, kill, resume: what operators ask of one run.

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
    engine::{Cancelled, Killed, Resumed},
    store::{BatchId, CancelOutcome, KillOutcome, StoreError},
    wake::{End, Teller, Waiters},
};

/// How often to look whether a worker has confirmed.
const CONFIRM_EVERY: Duration = Duration::from_millis(20);

/// Carries operators' wishes out. Cheap to clone.
#[derive(Clone)]
pub struct Controls {
    /// Who wakes runs and their holders.
    pub teller: Teller,
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
            Some(CancelOutcome::Ended(state)) => Some(Cancelled::Ended(state)),
            Some(CancelOutcome::Cancelled) => {
                self.waiters.ended(run, End::Elsewhere);
                // If it was nothing but a batch, what that had under way is dropped.
                self.releases.owed(BatchId { run, key: StepKey::new(BATCH_RUN_KEY) });
                Some(Cancelled::Cancelled)
            }
            Some(CancelOutcome::Requested(told)) => {
                self.teller.tell(told.into_iter().collect()).await;
                Some(Cancelled::Requested)
            }
        })
    }

    /// Kills a run and waits, at most `confirm_within`, until its worker has confirmed or is gone.
    pub async fn kill(&self, run: RunId, org: &Org, confirm_within: Duration) -> Result<Option<Killed>, StoreError> {
        let (version, holder) = match self.teller.store.kill(run, org).await? {
            None => return Ok(None),
            Some(KillOutcome::Ended(state)) => return Ok(Some(Killed::Ended(state))),
            Some(KillOutcome::Killed { version, holder }) => (version, holder),
        };
        self.waiters.ended(run, End::Elsewhere);
        // Nobody held it at the commit, and whoever claims it now is refused: confirmed as it stands.
        let Some(worker) = holder else {
            return Ok(Some(Killed::Confirmed));
        };
        self.teller.workers.tell(worker, &ToWorker::Control(Control { version, run, action: Action::Kill })).await;
        Ok(Some(self.confirmed(worker, version, confirm_within).await))
    }

    /// The kill is committed whatever happens here: an error on the way to its confirmation is no error of the kill.
    async fn confirmed(&self, worker: WorkerId, version: i64, within: Duration) -> Killed {
        let until = Instant::now() + within;
        loop {
            match self.teller.store.kill_confirmed(worker, version).await {
                Ok(true) => return Killed::Confirmed,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, %worker, "failed to look for a kill's confirmation");
                }
            }
            if Instant::now() >= until {
                return Killed::Committed;
            }
            tokio::time::sleep(CONFIRM_EVERY).await;
        }
    }

    /// Queues a parked run again. None when there is no such run.
    pub async fn resume(&self, run: RunId, org: &Org) -> Result<Option<Resumed>, StoreError> {
        Ok(match self.teller.store.resume(run, org).await? {
            None => None,
            Some(Err(state)) => Some(Resumed::NotParked(state)),
            Some(Ok(published)) => {
                self.teller.publisher.publish(vec![published]);
                Some(Resumed::Queued)
            }
        })
    }
}
