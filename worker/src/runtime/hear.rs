//! What schedulers say unasked.

use std::sync::Arc;

use piton_shared::message::{
    claim::HandBackReason,
    dispatch::StepTask,
    task::RunTask,
    wake::{Holding, Holds, ToWorker},
};
use piton_transport::{Inbox, Received};

use super::{claim, failpoint::failpoint, member::Member};

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
        answer(&member, &received).await;
    }
}

async fn answer(member: &Member, received: &Received) {
    failpoint!("holding-lost", ());
    let answered = match received.open::<Holding>() {
        Ok(Holding { runs, steps }) => {
            let holds = Holds { unknown: member.holdings.deny(runs), unknown_steps: member.holdings.deny_steps(steps) };
            received.respond(&holds).await
        }
        Err(error) => received.refuse(error).await,
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "failed to say what is held here");
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
        ToWorker::Granted { control_version, heartbeat, grants } => {
            failpoint!("grants-lost", ());
            let validity = member.lease.validity(heartbeat);
            let mut late = Vec::new();
            // Whatever was killed since is known here by its run, whichever version the grant has seen.
            for grant in grants {
                match Arc::clone(&member.run_slots).try_acquire_owned() {
                    Ok(slot) => late.extend(member.take(grant, control_version, validity, slot)),
                    Err(_) => member.give_back(grant.run, grant.attempt, HandBackReason::Released),
                }
            }
            if !late.is_empty() {
                member.tasks.spawn(claim::again::<RunTask>(Arc::clone(member), late));
            }
        }
        ToWorker::Wake { run, attempt, entries } => member.holdings.wake(run, attempt, entries),
        ToWorker::GrantedSteps { control_version, heartbeat, grants } => {
            failpoint!("step-grants-lost", ());
            let validity = member.lease.validity(heartbeat);
            let mut late = Vec::new();
            for grant in grants {
                match Arc::clone(&member.step_slots).try_acquire_owned() {
                    Ok(slot) => late.extend(member.take_step(grant, control_version, validity, slot)),
                    Err(_) => member.return_step(grant, HandBackReason::Released),
                }
            }
            if !late.is_empty() {
                member.tasks.spawn(claim::again::<StepTask>(Arc::clone(member), late));
            }
        }
        ToWorker::DropSteps { steps } => {
            failpoint!("drops-lost", ());
            for (dispatch, hold) in steps {
                member.holdings.drop_step(&dispatch, hold);
            }
        }
        ToWorker::DropRun { run, attempt } => member.holdings.drop_run(run, attempt),
        ToWorker::Control(control) => {
            member.controls.apply(&control, &member.holdings);
            member.beat_now.notify_one();
        }
    }
}
