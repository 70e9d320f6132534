//! Making room for a run that runs alone: the worker drains around it, and only then does it begin.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::{AttemptId, RunId},
    message::claim::{Alone, Grant, HandBackReason, Moment, Solitude},
    subject::Method,
};
use tokio_util::sync::CancellationToken;

use super::member::Member;

/// How often to look whether the others have left.
const LOOK: Duration = Duration::from_millis(20);
/// How long functions may take to end after they were dropped: one that never awaits cannot be stopped.
const END: Duration = Duration::from_secs(5);
/// How long a scheduler may take.
const ANSWER: Duration = Duration::from_secs(3);

/// Why a run that was to be alone does not begin here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAlone {
    /// It is not held any more.
    Lost,
    /// The worker drains.
    Draining,
    /// Something is executed here that cannot be stopped.
    InCompany,
}

/// Returns once nothing else is held or executed in this process and that is written down: whatever kills the process from
/// then on is this run's doing.
pub(super) async fn begin(member: &Member, grant: &Grant, drain: &CancellationToken) -> Result<(), NotAlone> {
    tracing::warn!(
        run = %grant.run,
        runs = member.holdings.beside(grant.run),
        "leases ended again and again while their workers held this run: it runs alone here, and the others are given back"
    );
    tokio::select! {
        biased;
        () = drain.cancelled() => return Err(NotAlone::Draining),
        emptied = emptied(member, grant) => emptied?,
    }
    note(member, grant.run, grant.attempt, Moment::Begins).await
}

/// The run came further than before, so it was not what killed its workers: the worker is open again, as soon as it is
/// written down that what dies from now on did not die alone.
pub(super) async fn over(member: Arc<Member>, run: RunId, attempt: AttemptId) {
    let noted = tokio::select! {
        biased;
        () = member.over.cancelled() => return,
        noted = note(&member, run, attempt, Moment::Over) => noted,
    };
    match noted {
        Ok(()) => member.holdings.open(run, attempt),
        // The worker is open once the run has left, which is now.
        Err(NotAlone::Lost | NotAlone::Draining | NotAlone::InCompany) => {}
    }
}

async fn note(member: &Member, run: RunId, attempt: AttemptId, moment: Moment) -> Result<(), NotAlone> {
    let alone = Alone { worker: member.id, run, attempt, moment };
    match member.door.insist::<_, Solitude>(Method::Alone, &alone, ANSWER).await {
        Ok(Solitude::Noted) => Ok(()),
        Ok(Solitude::Lost) | Err(_) => Err(NotAlone::Lost),
    }
}

/// The others were told to go when the worker was kept for this run. What they execute may finish, as long as a worker
/// that drains lets it.
async fn emptied(member: &Member, grant: &Grant) -> Result<(), NotAlone> {
    let left = async {
        while member.holdings.beside(grant.run) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(member.options.drain, left).await.is_err() {
        let others = member.holdings.drop_beside(grant.run);
        tracing::warn!(run = %grant.run, runs = others.len(), "the time to drain is over: what still runs is dropped");
        for (run, attempt) in others {
            member.give_back(run, attempt, HandBackReason::Released);
        }
    }
    // A function has its slot until it is really gone, also one that was dropped.
    let every_slot = member.step_slots.acquire_many(member.options.step_slots.get());
    match tokio::time::timeout(END, every_slot).await {
        // It is never closed.
        Ok(slots) => drop(slots),
        Err(_) => return Err(NotAlone::InCompany),
    }
    Ok(())
}
