//! Giving runs back, many with one request.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::{AttemptId, RunId},
    message::claim::{HandBack, HandBackReason, HandedBack},
    subject::Method,
};
use tokio::sync::mpsc;

use super::member::Member;

/// Runs of one request.
const RUNS: usize = 1024;
/// Runs that wait to be given back: more than a worker holds.
pub(super) const WAITING: usize = 4096;
/// How long a scheduler may take.
const ANSWER: Duration = Duration::from_secs(3);

/// A run to be given back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Returned {
    pub(super) run: RunId,
    pub(super) attempt: AttemptId,
    pub(super) reason: HandBackReason,
}

/// Gives back what comes, until the registration is over.
pub(super) async fn serve(member: Arc<Member>, mut returns: mpsc::Receiver<Returned>) {
    let mut waiting = Vec::with_capacity(RUNS);
    loop {
        tokio::select! {
            biased;
            () = member.over.cancelled() => return,
            count = returns.recv_many(&mut waiting, RUNS) => if count == 0 { return },
        }
        for reason in [HandBackReason::Released, HandBackReason::Lacking, HandBackReason::Crowded] {
            let of_reason = waiting.iter().filter(|returned| returned.reason == reason);
            let runs: Vec<_> = of_reason.map(|returned| (returned.run, returned.attempt)).collect();
            if !runs.is_empty() {
                tokio::select! {
                    biased;
                    () = member.over.cancelled() => return,
                    () = give_back(&member, reason, runs) => {}
                }
            }
        }
        waiting.clear();
    }
}

async fn give_back(member: &Member, reason: HandBackReason, runs: Vec<(RunId, AttemptId)>) {
    let back = HandBack { worker: member.id, reason, runs };
    match member.door.insist::<_, HandedBack>(Method::HandBack, &back, ANSWER).await {
        Ok(HandedBack { requeued }) => tracing::debug!(runs = back.runs.len(), requeued, "gave runs back"),
        // The lease has ended and they are requeued with it, or the scheduler asks for them sooner or later.
        Err(error) => tracing::warn!(%error, "failed to give runs back"),
    }
}
