//! Having runs granted: those that were pulled, and those whose grant came too late.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::AttemptId,
    limits,
    message::{
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed},
        envelope::EnvelopeError,
    },
    subject::Method,
};
use piton_telemetry::metrics::ClaimOutcome;
use piton_transport::Delivery;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    failpoint::failpoint,
    holdings::Expected,
    member::{Member, fresh_uuid},
    solitude::Solitude,
    validity::Validity,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);
/// Runs that are claimed again with one request.
const AT_ONCE: usize = 256;

/// A run that is claimed, and the slot in which it will be held.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) ask: ClaimAsk,
    pub(super) slot: OwnedSemaphorePermit,
}

/// Claims what was pulled, as far as there are slots; the rest goes back to the queue. Any answer spends the messages.
pub(super) async fn claim(member: Arc<Member>, tasks: Vec<Delivery>) {
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
    failpoint!("claim-answered");
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

/// Claims what was granted too long ago, under the same attempts: it is granted again where it still stands.
pub(super) async fn again(member: Arc<Member>, late: Vec<Asking>) {
    let _expected = expect(&member, &late);
    insist(&member, late).await;
}

/// Claims until an answer comes in time. Each keeps its slot, so no more of this is under way than there are slots.
async fn insist(member: &Arc<Member>, mut late: Vec<Asking>) {
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
fn expect<'a>(member: &'a Member, asking: &[Asking]) -> Expected<'a> {
    member.holdings.expect(asking.iter().map(|asking| asking.ask.attempt.uuid()).collect())
}

/// One request; none when the registration is over, or it was refused.
async fn ask(member: &Member, asking: &[Asking]) -> Option<(Claimed, Validity)> {
    let claim = Claim { worker: member.id, asks: asking.iter().map(|asking| asking.ask).collect() };
    let began = Instant::now();
    let answered = tokio::select! {
        biased;
        () = member.over.cancelled() => return None,
        answered = member.door.insist_since::<_, Claimed>(Method::Claim, &claim, ANSWER) => answered,
    };
    member.door.metrics.claim_time.seconds(began.elapsed());
    match answered {
        Ok((claimed, sent)) => Some((claimed, Validity::since(sent))),
        Err(error) => {
            tracing::warn!(%error, "a claim was refused");
            member.beat_now.notify_one();
            None
        }
    }
}

/// Takes what was granted; returns what was answered too late to know whether it still stands.
fn take(member: &Arc<Member>, asking: Vec<Asking>, answered: (Claimed, Validity)) -> Vec<Asking> {
    let (Claimed { control_version, answers }, validity) = answered;
    let mut late = Vec::new();
    for (Asking { slot, .. }, answer) in asking.into_iter().zip(answers) {
        match answer {
            ClaimAnswer::Granted(grant) => {
                member.door.metrics.claims.at(ClaimOutcome::Granted).inc();
                late.extend(member.take(*grant, control_version, validity, slot));
            }
            ClaimAnswer::Stale => member.door.metrics.claims.at(ClaimOutcome::Stale).inc(),
        }
    }
    late
}

enum Ask {
    For(Asking),
    NoRoom,
    Unreadable,
}

fn ask_for(member: &Member, delivery: &Delivery) -> Ask {
    if member.holdings.kept_for() != Solitude::Open {
        return Ask::NoRoom;
    }
    let Ok(task) = &delivery.task else {
        return Ask::Unreadable;
    };
    match Arc::clone(&member.run_slots).try_acquire_owned() {
        Ok(slot) => {
            let attempt = AttemptId::new(fresh_uuid(member.clock));
            Ask::For(Asking { ask: ClaimAsk { run: task.run, epoch: task.epoch, attempt }, slot })
        }
        Err(_) => Ask::NoRoom,
    }
}

/// What becomes of a message that does not read as a task: one of a newer build is left to a worker that can read it.
pub(super) async fn set_aside<T>(delivery: &Delivery<T>) {
    let Err(error) = &delivery.task else { return };
    let deliveries = delivery.delivered_count;
    let sequence = delivery.sequence;
    match (error, unreadable_for(deliveries)) {
        (EnvelopeError::Version { .. } | EnvelopeError::Body { .. }, Some(delay)) => {
            tracing::warn!(%error, sequence, deliveries, ?delay, "a task cannot be read by this build: it is left to another worker");
            spend(delivery, delivery.give_back_after(delay).await);
        }
        // Postgres has the run all the same, and the sweep publishes it again.
        (EnvelopeError::Version { .. } | EnvelopeError::Body { .. }, None) => {
            tracing::warn!(%error, sequence, deliveries, "no worker could read a task: it is dropped; the run will be published again");
            spend(delivery, delivery.ack().await);
        }
        (EnvelopeError::Foreign | EnvelopeError::TooLarge { .. }, _) => {
            tracing::warn!(%error, sequence, "a message in the queue is no task: it is dropped");
            spend(delivery, delivery.ack().await);
        }
    }
}

/// How long a task that cannot be read is put off after so many deliveries; none once it was delivered often enough.
fn unreadable_for(deliveries: u64) -> Option<Duration> {
    let doublings = u32::try_from(deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
    (deliveries <= limits::UNREADABLE_DELIVERIES)
        .then(|| Duration::from_millis(250).saturating_mul(1 << doublings.min(16)).min(limits::UNREADABLE_WAIT))
}

/// A message that is not spent comes again, and its claim is refused then.
pub(super) fn spend<T>(delivery: &Delivery<T>, sent: Result<(), piton_transport::SendError>) {
    if let Err(error) = sent {
        tracing::debug!(%error, sequence = delivery.sequence, "a task was not acknowledged");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_put_off_ever_longer_and_dropped_at_last() {
        let waits: Vec<_> = (1..=limits::UNREADABLE_DELIVERIES + 1).map(unreadable_for).collect();
        assert_eq!(waits[..3], [250, 500, 1000].map(|millis| Some(Duration::from_millis(millis))));
        assert_eq!(waits[waits.len() - 2..], [Some(limits::UNREADABLE_WAIT), None]);
    }
}
