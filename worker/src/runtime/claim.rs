//! Having work granted: what was pulled, and what was granted too late.

use std::{sync::Arc, time::Duration};

use piton_shared::{limits, message::envelope::EnvelopeError};
use piton_telemetry::metrics::ClaimOutcome;
use piton_transport::Delivery;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    holdings::Expected,
    member::Member,
    solitude::Solitude,
    validity::Validity,
    work_kind::{Answered, WorkKind},
};

/// Pieces of work in one claim at most: fewer than a scheduler takes, since the whole answer has to come while its grants are good.
const AT_ONCE: usize = 256;
const _: () =
    assert!(AT_ONCE <= limits::CLAIM_RUNS && AT_ONCE <= limits::CLAIM_STEPS, "a scheduler refuses larger claims");

/// Work that is claimed, and the slot in which it will be held.
#[derive(Debug)]
pub(super) struct Asking<A> {
    pub(super) ask: A,
    pub(super) slot: OwnedSemaphorePermit,
}

/// Claims what was pulled, as far as there are slots; the rest goes back to the queue. Any answer spends the messages.
pub(super) async fn claim<T: WorkKind>(member: Arc<Member>, tasks: Vec<Delivery<T>>) {
    let mut pulled = Vec::with_capacity(tasks.len());
    for delivery in tasks {
        if delivery.delivered_count > 1 {
            member.door.metrics.redeliveries.inc();
        }
        match ask_for(&member, &delivery) {
            Ask::For(asked) => pulled.push((asked, delivery)),
            Ask::NoRoom => spend(&delivery, delivery.give_back().await),
            Ask::Unreadable => set_aside(&delivery).await,
        }
    }
    let _expected = expect::<T>(&member, pulled.iter().map(|(asking, _)| asking));
    let mut late = Vec::new();
    while !pulled.is_empty() {
        let rest = pulled.split_off(pulled.len().min(AT_ONCE));
        let (asking, deliveries): (Vec<_>, Vec<_>) = std::mem::replace(&mut pulled, rest).into_iter().unzip();
        let answered = ask::<T>(&member, &asking).await;
        if member.over.is_cancelled() {
            return;
        }
        // Before they are acknowledged: what was granted begins as early as it can.
        if let Some(answered) = answered {
            late.extend(take::<T>(&member, asking, answered));
        }
        for delivery in &deliveries {
            spend(delivery, delivery.ack().await);
        }
    }
    insist::<T>(&member, late).await;
}

/// Claims what was granted too long ago, under the same ids: it is granted again where it still stands.
pub(super) async fn again<T: WorkKind>(member: Arc<Member>, late: Vec<Asking<T::Ask>>) {
    let _expected = expect::<T>(&member, late.iter());
    insist::<T>(&member, late).await;
}

/// Claims until an answer comes in time. Each keeps its slot, so no more of this is under way than there are slots.
async fn insist<T: WorkKind>(member: &Arc<Member>, mut late: Vec<Asking<T::Ask>>) {
    while !late.is_empty() {
        let mut later = Vec::new();
        while !late.is_empty() {
            let asking = late.split_off(late.len().saturating_sub(AT_ONCE));
            let Some(answered) = ask::<T>(member, &asking).await else { return };
            later.extend(take::<T>(member, asking, answered));
        }
        late = later;
    }
}

/// Takes what was granted; returns what was answered too late to know whether it still stands.
fn take<T: WorkKind>(
    member: &Arc<Member>,
    asking: Vec<Asking<T::Ask>>,
    (Answered { control_version, grants }, validity): (Answered<T>, Validity),
) -> Vec<Asking<T::Ask>> {
    let mut late = Vec::new();
    for (Asking { slot, .. }, grant) in asking.into_iter().zip(grants) {
        let outcome = if grant.is_some() { ClaimOutcome::Granted } else { ClaimOutcome::Stale };
        T::outcomes(member).at(outcome).inc();
        late.extend(grant.and_then(|grant| T::begin(member, grant, control_version, validity, slot)));
    }
    late
}

/// Nobody is told that these are not known here, as long as the answer to their claim may be on its way.
fn expect<'m, 'a, T: WorkKind>(member: &'m Member, asking: impl Iterator<Item = &'a Asking<T::Ask>>) -> Expected<'m> {
    member.holdings.expect(asking.map(|asking| T::hold(&asking.ask)).collect())
}

/// One request; none when the registration is over, or it was refused.
async fn ask<T: WorkKind>(member: &Member, asking: &[Asking<T::Ask>]) -> Option<(Answered<T>, Validity)> {
    let answered = tokio::select! {
        biased;
        () = member.over.cancelled() => return None,
        answered = T::claim(member, asking) => answered,
    };
    match answered {
        Ok(_) if member.over.is_cancelled() => None,
        Ok((answered, sent)) => Some((answered, Validity::since(sent))),
        Err(error) => {
            tracing::warn!(%error, work = std::any::type_name::<T>(), "a claim was refused");
            member.beat_now.notify_one();
            None
        }
    }
}

enum Ask<A> {
    For(Asking<A>),
    NoRoom,
    Unreadable,
}

fn ask_for<T: WorkKind>(member: &Member, delivery: &Delivery<T>) -> Ask<T::Ask> {
    if member.holdings.kept_for() != Solitude::Open {
        return Ask::NoRoom;
    }
    let Ok(task) = &delivery.task else {
        return Ask::Unreadable;
    };
    match Arc::clone(T::slots(member)).try_acquire_owned() {
        Ok(slot) => Ask::For(Asking { ask: task.ask(member), slot }),
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
