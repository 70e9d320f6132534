//! What schedulers say unasked.

use std::sync::Arc;

use piton_shared::message::{
    claim::HandBackReason,
    wake::{Holding, Holds, ToWorker},
};
use piton_transport::{Inbox, Received};

use super::member::Member;

/// Takes grants, wakes and controls until the registration is over.
pub(super) async fn serve(member: Arc<Member>, mut inbox: Inbox) {
    while let Some(received) = next(&member, &mut inbox).await {
        match received.open::<ToWorker>() {
            Ok(message) => take(&member, message),
            Err(error) => tracing::warn!(%error, "a message to this worker was not understood"),
        }
    }
}

/// Says what is not held here, until the registration is over.
pub(super) async fn answer_holding(member: Arc<Member>, mut inbox: Inbox) {
    while let Some(received) = next(&member, &mut inbox).await {
        let answered = match received.open::<Holding>() {
            Ok(Holding { runs, steps }) => {
                let holds = Holds {
                    unknown: member.holdings.unknown(runs),
                    unknown_steps: member.holdings.unknown_steps(steps),
                };
                received.respond(&holds).await
            }
            Err(error) => received.refuse(error).await,
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "failed to say what is held here");
        }
    }
}

async fn next(member: &Member, inbox: &mut Inbox) -> Option<Received> {
    tokio::select! {
        biased;
        () = member.over.cancelled() => None,
        received = inbox.next() => received,
    }
}

fn take(member: &Arc<Member>, message: ToWorker) {
    match message {
        ToWorker::Granted { control_version, grants } => {
            // Whatever was killed since is known here by its run, whichever version the grant has seen.
            for grant in grants {
                match Arc::clone(&member.run_slots).try_acquire_owned() {
                    Ok(slot) => member.take(grant, control_version, slot),
                    Err(_) => member.give_back(grant.run, grant.attempt, HandBackReason::Released),
                }
            }
        }
        ToWorker::Wake { run, attempt, entries } => member.holdings.wake(run, attempt, entries),
        ToWorker::GrantedSteps { control_version, grants } => {
            for grant in grants {
                match Arc::clone(&member.step_slots).try_acquire_owned() {
                    Ok(slot) => member.take_step(grant, control_version, slot),
                    Err(_) => member.return_step(grant, HandBackReason::Released),
                }
            }
        }
        ToWorker::DropSteps { steps } => {
            for (dispatch, hold) in steps {
                member.holdings.remove_step(&dispatch, hold);
            }
        }
        ToWorker::Control(control) => {
            member.controls.apply(&control, &member.holdings);
            member.beat_now.notify_one();
        }
    }
}
