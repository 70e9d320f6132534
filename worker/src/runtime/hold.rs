//! A hold on a run, from its grant until it leaves this worker.

use std::sync::Arc;

use piton_shared::{
    ids::{AttemptId, RunId},
    message::claim::{Company, Grant, HandBackReason},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    alone::{self, NotAlone},
    holdings::{Place, Wanted},
    member::Member,
    run::{self, Letter},
};

/// Holds a run until it leaves this worker, one way or another.
pub(super) async fn hold(
    member: Arc<Member>,
    grant: Grant,
    slot: OwnedSemaphorePermit,
    letters: mpsc::Sender<Letter>,
    inbox: mpsc::Receiver<Letter>,
    place: Place,
) {
    let Place { lost, drain, wanted } = place;
    let (run, attempt) = (grant.run, grant.attempt);
    let span = tracing::info_span!(
        "attempt",
        %run,
        %attempt,
        epoch = %grant.epoch,
        org = %member.door.org,
        workflow = grant.workflow,
    );
    if let Some(trace) = &grant.trace {
        piton_telemetry::trace::set_parent(&span, trace);
    }
    let _held = member.door.metrics.runs_held.enter();
    // However this ends.
    let _removed = Removed { member: &member, run, attempt };
    let _slot = slot;
    let living = async {
        tokio::select! {
            biased;
            () = lost.cancelled() => tracing::debug!("the run is lost to this worker"),
            () = begin(&member, grant, letters, inbox, drain, wanted) => {}
        }
    };
    living.instrument(span).await;
}

/// Takes a run out of the holdings when its task ends.
struct Removed<'a> {
    member: &'a Member,
    run: RunId,
    attempt: AttemptId,
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        self.member.holdings.remove(self.run, self.attempt);
    }
}

async fn begin(
    member: &Arc<Member>,
    grant: Grant,
    letters: mpsc::Sender<Letter>,
    inbox: mpsc::Receiver<Letter>,
    drain: CancellationToken,
    wanted: watch::Receiver<Wanted>,
) {
    tracing::debug!("the run is taken");
    // The workflow's own code may be what kills: it is not polled before.
    if grant.company == Company::Alone
        && let Err(not) = alone::begin(member, &grant, &drain).await
    {
        return not_alone(member, &grant, not);
    }
    run::live(member, grant, letters, inbox, drain, wanted).await;
}

fn not_alone(member: &Member, grant: &Grant, not: NotAlone) {
    let reason = match not {
        NotAlone::Lost => return,
        NotAlone::Draining => HandBackReason::Released,
        NotAlone::InCompany => {
            tracing::warn!(
                "a function here never awaits and cannot be stopped: the run cannot be alone, another worker may fare better"
            );
            HandBackReason::Crowded
        }
    };
    member.give_back(grant.run, grant.attempt, reason);
}
