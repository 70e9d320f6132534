//! Having pulled dispatched work granted.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::HoldId,
    message::dispatch::{ClaimSteps, ClaimedSteps, StepAnswer, StepAsk, StepTask},
    subject::Method,
};
use piton_telemetry::metrics::ClaimOutcome;
use piton_transport::Delivery;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    claim::spend,
    failpoint::failpoint,
    member::{Member, fresh_uuid},
    solitude::Solitude,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);

/// Claims what was pulled, as far as there are slots; the rest goes back to the queue. Any answer spends the messages.
pub(super) async fn claim(member: Arc<Member>, tasks: Vec<Delivery<StepTask>>) {
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
    let claim = ClaimSteps { worker: member.id, asks: asked.iter().map(|(ask, ..)| ask.clone()).collect() };
    let _expected = member.holdings.expect(claim.asks.iter().map(|ask| ask.hold.uuid()).collect());
    let began = Instant::now();
    let answered = tokio::select! {
        biased;
        () = member.over.cancelled() => return,
        answered = member.door.insist::<_, ClaimedSteps>(Method::ClaimSteps, &claim, ANSWER) => answered,
    };
    member.door.metrics.step_claim_time.seconds(began.elapsed());
    failpoint!("claim-steps-answered");
    for (.., delivery) in &asked {
        spend(delivery, delivery.ack().await);
    }
    let ClaimedSteps { control_version, answers } = match answered {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "a claim of dispatched work was refused");
            member.beat_now.notify_one();
            return;
        }
    };
    for ((_, slot, _), answer) in asked.into_iter().zip(answers) {
        match answer {
            StepAnswer::Granted(grant) => {
                member.door.metrics.step_claims.at(ClaimOutcome::Granted).inc();
                member.take_step(*grant, control_version, slot);
            }
            StepAnswer::Stale => member.door.metrics.step_claims.at(ClaimOutcome::Stale).inc(),
        }
    }
}

enum Ask {
    For(StepAsk, OwnedSemaphorePermit),
    NoRoom,
    Foreign,
}

fn ask_for(member: &Member, delivery: &Delivery<StepTask>) -> Ask {
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
    match Arc::clone(&member.step_slots).try_acquire_owned() {
        Ok(slot) => {
            let hold = HoldId::new(fresh_uuid(member.clock));
            Ask::For(StepAsk { dispatch: task.dispatch.clone(), epoch: task.epoch, hold }, slot)
        }
        Err(_) => Ask::NoRoom,
    }
}
