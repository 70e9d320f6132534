//! Having pulled runs granted.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::AttemptId,
    message::claim::{Claim, ClaimAnswer, ClaimAsk, Claimed},
    subject::Method,
};
use piton_telemetry::metrics::ClaimOutcome;
use piton_transport::Delivery;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    failpoint::failpoint,
    member::{Member, fresh_uuid},
    solitude::Solitude,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);

/// Claims what was pulled, as far as there are slots; the rest goes back to the queue. Any answer spends the messages.
pub(super) async fn claim(member: Arc<Member>, tasks: Vec<Delivery>) {
    let mut asked = Vec::with_capacity(tasks.len());
    for delivery in tasks {
        if delivery.delivered_count > 1 {
            member.door.metrics.redeliveries.inc();
        }
        match ask_for(&member, &delivery) {
            Ask::For(ask, slot) => asked.push((ask, slot, delivery)),
            Ask::NoRoom => spend(&delivery, delivery.give_back().await),
            Ask::Foreign => spend(&delivery, delivery.ack().await),
        }
    }
    if asked.is_empty() {
        return;
    }
    let claim = Claim { worker: member.id, asks: asked.iter().map(|(ask, ..)| *ask).collect() };
    let _expected = member.holdings.expect(claim.asks.iter().map(|ask| ask.attempt.uuid()).collect());
    let began = Instant::now();
    let answered = tokio::select! {
        biased;
        () = member.over.cancelled() => return,
        answered = member.door.insist::<_, Claimed>(Method::Claim, &claim, ANSWER) => answered,
    };
    member.door.metrics.claim_time.seconds(began.elapsed());
    failpoint!("claim-answered");
    for (.., delivery) in &asked {
        spend(delivery, delivery.ack().await);
    }
    let Claimed { control_version, answers } = match answered {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "a claim was refused");
            member.beat_now.notify_one();
            return;
        }
    };
    for ((_, slot, _), answer) in asked.into_iter().zip(answers) {
        match answer {
            ClaimAnswer::Granted(grant) => {
                member.door.metrics.claims.at(ClaimOutcome::Granted).inc();
                member.take(*grant, control_version, slot);
            }
            ClaimAnswer::Stale => member.door.metrics.claims.at(ClaimOutcome::Stale).inc(),
        }
    }
}

enum Ask {
    For(ClaimAsk, OwnedSemaphorePermit),
    NoRoom,
    Foreign,
}

fn ask_for(member: &Member, delivery: &Delivery) -> Ask {
    if member.holdings.kept_for() != Solitude::Open {
        return Ask::NoRoom;
    }
    let task = match &delivery.task {
        Ok(task) => task,
        Err(error) => {
            tracing::warn!(%error, sequence = delivery.sequence, "a message in the queue is no task: it is dropped");
            return Ask::Foreign;
        }
    };
    match Arc::clone(&member.run_slots).try_acquire_owned() {
        Ok(slot) => {
            let attempt = AttemptId::new(fresh_uuid(member.clock));
            Ask::For(ClaimAsk { run: task.run, epoch: task.epoch, attempt }, slot)
        }
        Err(_) => Ask::NoRoom,
    }
}

/// A message that is not spent comes again, and its claim is refused then.
pub(super) fn spend<T>(delivery: &Delivery<T>, sent: Result<(), piton_transport::SendError>) {
    if let Err(error) = sent {
        tracing::debug!(%error, sequence = delivery.sequence, "a task was not acknowledged");
    }
}
