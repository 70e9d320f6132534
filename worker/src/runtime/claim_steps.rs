//! Having dispatched work granted: what was pulled, and what was granted too late.

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
    claim::{set_aside, spend},
    failpoint::failpoint,
    holdings::Expected,
    member::{Member, fresh_uuid},
    solitude::Solitude,
    validity::Validity,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);
/// Pieces of work that are claimed again with one request.
const AT_ONCE: usize = 256;

/// Dispatched work that is claimed, and the slot in which it will be held.
#[derive(Debug)]
pub(super) struct AskingStep {
    pub(super) ask: StepAsk,
    pub(super) slot: OwnedSemaphorePermit,
}

/// Claims what was pulled, as far as there are slots; the rest goes back to the queue. Any answer spends the messages.
pub(super) async fn claim(member: Arc<Member>, tasks: Vec<Delivery<StepTask>>) {
    let (mut asking, mut deliveries) = (Vec::with_capacity(tasks.len()), Vec::with_capacity(tasks.len()));
    for delivery in tasks {
        if delivery.delivered_count > 1 {
            member.door.metrics.redeliveries.inc();
        }
        match ask_for(&member, &delivery) {
            Ask::For(asked) => {
                asking.push(asked);
                deliveries.push(delivery);
            }
            Ask::NoRoom => spend(&delivery, delivery.give_back().await),
            Ask::Unreadable => set_aside(&delivery).await,
        }
    }
    if asking.is_empty() {
        return;
    }
    let _expected = expect(&member, &asking);
    let answered = ask(&member, &asking).await;
    failpoint!("claim-steps-answered");
    if member.over.is_cancelled() {
        return;
    }
    for delivery in &deliveries {
        spend(delivery, delivery.ack().await);
    }
    if let Some(answered) = answered {
        insist(&member, take(&member, asking, answered)).await;
    }
}

/// Claims what was granted too long ago, under the same holds: it is granted again where it still stands.
pub(super) async fn again(member: Arc<Member>, late: Vec<AskingStep>) {
    let _expected = expect(&member, &late);
    insist(&member, late).await;
}

/// Claims until an answer comes in time. Each keeps its slot, so no more of this is under way than there are slots.
async fn insist(member: &Arc<Member>, mut late: Vec<AskingStep>) {
    while !late.is_empty() {
        let mut later = Vec::new();
        while !late.is_empty() {
            let asking = late.split_off(late.len().saturating_sub(AT_ONCE));
            let Some(answered) = ask(member, &asking).await else { return };
            later.extend(take(member, asking, answered));
        }
        late = later;
    }
}

/// Nobody is told that these are not known here, as long as the answer to their claim may be on its way.
fn expect<'a>(member: &'a Member, asking: &[AskingStep]) -> Expected<'a> {
    member.holdings.expect(asking.iter().map(|asking| asking.ask.hold.uuid()).collect())
}

/// One request; none when the registration is over, or it was refused.
async fn ask(member: &Member, asking: &[AskingStep]) -> Option<(ClaimedSteps, Validity)> {
    let claim = ClaimSteps { worker: member.id, asks: asking.iter().map(|asking| asking.ask.clone()).collect() };
    let began = Instant::now();
    let answered = tokio::select! {
        biased;
        () = member.over.cancelled() => return None,
        answered = member.door.insist_since::<_, ClaimedSteps>(Method::ClaimSteps, &claim, ANSWER) => answered,
    };
    member.door.metrics.step_claim_time.seconds(began.elapsed());
    match answered {
        Ok((claimed, sent)) => Some((claimed, Validity::since(sent))),
        Err(error) => {
            tracing::warn!(%error, "a claim of dispatched work was refused");
            member.beat_now.notify_one();
            None
        }
    }
}

/// Takes what was granted; returns what was answered too late to know whether it still stands.
fn take(member: &Arc<Member>, asking: Vec<AskingStep>, answered: (ClaimedSteps, Validity)) -> Vec<AskingStep> {
    let (ClaimedSteps { control_version, answers }, validity) = answered;
    let mut late = Vec::new();
    for (AskingStep { slot, .. }, answer) in asking.into_iter().zip(answers) {
        match answer {
            StepAnswer::Granted(grant) => {
                member.door.metrics.step_claims.at(ClaimOutcome::Granted).inc();
                late.extend(member.take_step(*grant, control_version, validity, slot));
            }
            StepAnswer::Stale => member.door.metrics.step_claims.at(ClaimOutcome::Stale).inc(),
        }
    }
    late
}

enum Ask {
    For(AskingStep),
    NoRoom,
    Unreadable,
}

fn ask_for(member: &Member, delivery: &Delivery<StepTask>) -> Ask {
    if member.holdings.kept_for() != Solitude::Open {
        return Ask::NoRoom;
    }
    let Ok(task) = &delivery.task else {
        return Ask::Unreadable;
    };
    match Arc::clone(&member.step_slots).try_acquire_owned() {
        Ok(slot) => {
            let hold = HoldId::new(fresh_uuid(member.clock));
            let ask = StepAsk { dispatch: task.dispatch.clone(), epoch: task.epoch, hold };
            Ask::For(AskingStep { ask, slot })
        }
        Err(_) => Ask::NoRoom,
    }
}
