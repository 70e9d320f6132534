//! The thread that keeps the lease.

use std::{io, panic::AssertUnwindSafe, sync::Arc, thread, time::Duration};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use piton_shared::{
    message::{
        Refusal,
        worker::{Heartbeat, Intent, Standing},
    },
    subject::Method,
};
use piton_transport::{Bus, BusOptions, BusState, ConnectError};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};

use super::{Lapse, LeaseState};
use crate::runtime::{
    clock::steady,
    door::{Door, Unserved},
    failpoint::failpoint,
    member::{Member, Terms},
    solitude::Solitude,
};

/// Functions under way that a heartbeat tells of: the oldest. It has to fit into a message.
const UNDER_WAY: usize = 256;
/// Heartbeats without an answer at once; the next waits for one of them.
const BEATS: usize = 8;

/// The thread that keeps the lease. Dropped, it ends once the registration it beats for is over.
#[derive(Debug)]
pub(in crate::runtime) struct Heart {
    members: mpsc::Sender<Arc<Member>>,
    thread: thread::JoinHandle<()>,
}

/// Why there is no such thread.
#[derive(Debug)]
pub(in crate::runtime) enum HeartError {
    Thread(io::Error),
    Nats(ConnectError),
}

impl Heart {
    /// Starts the thread and connects it.
    pub(in crate::runtime) async fn start(options: BusOptions) -> Result<Self, HeartError> {
        let (members, inbox) = mpsc::channel(1);
        let (connected, connection) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HeartError::Thread)?;
        let thread = thread::Builder::new()
            .name("piton-lease".to_owned())
            .spawn(move || runtime.block_on(live(options, connected, inbox)))
            .map_err(HeartError::Thread)?;
        match connection.await {
            Ok(Ok(())) => Ok(Self { members, thread }),
            Ok(Err(error)) => Err(HeartError::Nats(error)),
            Err(_) => Err(HeartError::Thread(io::Error::other("it ended before it began"))),
        }
    }

    /// Beats for this registration until it is over.
    pub(in crate::runtime) async fn beat_for(&self, member: Arc<Member>) {
        // It takes the next only when the last is over, so there is always room.
        if self.members.send(member).await.is_err() {
            tracing::error!("the thread that keeps the lease is gone: the lease will lapse");
        }
    }

    /// Ends the thread and waits for it.
    pub(in crate::runtime) async fn stop(self) {
        drop(self.members);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the thread that keeps the lease has panicked");
        }
    }
}

async fn live(
    options: BusOptions,
    connected: oneshot::Sender<Result<(), ConnectError>>,
    mut members: mpsc::Receiver<Arc<Member>>,
) {
    let bus = match Bus::connect(options).await {
        Ok(bus) => bus,
        Err(error) => {
            let _ = connected.send(Err(error));
            return;
        }
    };
    let _ = connected.send(Ok(()));
    while let Some(member) = members.recv().await {
        while AssertUnwindSafe(beat(&bus, &member)).catch_unwind().await.is_err() {
            tracing::error!("the thread that keeps the lease panicked, which is a bug in Piton: it goes on");
        }
    }
}

/// Beats until the registration is over or its lease has ended.
async fn beat(bus: &Bus, member: &Arc<Member>) {
    let door = Door { bus: bus.clone(), ..member.door.clone() };
    let mut ticks = tokio::time::interval(member.terms.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = FuturesUnordered::new();
    let mut view = member.lease.watch();
    let mut solitude = member.holdings.solitude();
    loop {
        let state = view.borrow_and_update().state;
        if state == LeaseState::Ended {
            return;
        }
        tokio::select! {
            biased;
            () = member.over.cancelled() => return,
            _ = view.changed() => {}
            () = tokio::time::sleep(member.lease.left()), if state == LeaseState::Held => lapse(member),
            Some((sent, answer)) = asked.next(), if !asked.is_empty() => take(member, sent, answer),
            Ok(()) = solitude.changed(), if asked.len() < BEATS => asked.push(ask(&door, member, Road::Home)),
            () = member.beat_now.notified(), if asked.len() < BEATS => asked.push(ask(&door, member, Road::Home)),
            _ = ticks.tick(), if asked.len() < BEATS => {
                member.polls.warn();
                asked.push(ask(&door, member, Road::Home));
            }
            () = tokio::time::sleep(until_elsewhere(member.lease.left(), member.terms)),
                if state == LeaseState::Held && asked.len() < BEATS => asked.push(ask(&door, member, Road::Any)),
        }
    }
}

fn lapse(member: &Member) {
    if member.lease.lapse() == Lapse::Now {
        member.holdings.abort_functions();
        tracing::warn!(worker = %member.id, "the lease has lapsed: no heartbeat was answered in time; nothing runs until one is");
    }
}

/// Whom a heartbeat is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// The scheduler at home, and any other once that one is silent.
    Home,
    /// Any that hears it.
    Any,
}

/// How long to wait before a heartbeat is sent to any scheduler, and not to the one at home: until two intervals have gone by
/// without an answer, and from then on four times an interval, so that the lease is renewed while there is time left, also if some of
/// them reach a scheduler that is not well.
fn until_elsewhere(left: Duration, terms: Terms) -> Duration {
    let at_risk = terms.usable().saturating_sub(terms.heartbeat * 2);
    left.checked_sub(at_risk).filter(|wait| !wait.is_zero()).unwrap_or(terms.heartbeat / 4)
}

async fn ask(door: &Door, member: &Member, road: Road) -> (Duration, Result<Standing, Unserved>) {
    let sent = steady();
    failpoint!("heartbeat-lost", (sent, Err(Unserved::Unavailable("lost by a failpoint".to_owned()))));
    let began = Instant::now();
    let beat = heartbeat(member, sent);
    let answer = match road {
        Road::Home => door.ask(Method::Heartbeat, &beat, member.terms.lease / 2).await,
        Road::Any => door.ask_any(Method::Heartbeat, &beat, member.terms.heartbeat).await,
    };
    member.door.metrics.heartbeat_time.seconds(began.elapsed());
    failpoint!("heartbeat-unanswered", (sent, Err(Unserved::Unavailable("lost by a failpoint".to_owned()))));
    (sent, answer)
}

fn heartbeat(member: &Member, sent: Duration) -> Heartbeat {
    let free = |slots: usize| u32::try_from(slots).unwrap_or(u32::MAX);
    let bus = &member.door.bus;
    member.door.metrics.nats_up.set(i64::from(*bus.state().borrow() == BusState::Connected));
    member.door.metrics.nats_dropped.set(i64::try_from(bus.dropped()).unwrap_or(i64::MAX));
    let intent = match member.holdings.kept_for() {
        Solitude::Open | Solitude::KeptFor(_) if member.draining.is_cancelled() => Intent::Draining,
        Solitude::Open => Intent::Working,
        Solitude::KeptFor(_) => Intent::Solitary,
    };
    Heartbeat {
        worker: member.id,
        number: member.lease.sent.lock().number(sent),
        intent,
        free_runs: match intent {
            Intent::Working => free(member.run_slots.available_permits()),
            Intent::Draining | Intent::Solitary => 0,
        },
        free_steps: match intent {
            Intent::Working => free(member.step_slots.available_permits()),
            Intent::Draining | Intent::Solitary => 0,
        },
        control_applied: member.controls.applied(),
        under_way: member.holdings.under_way(member.clock.now(), member.terms.heartbeat, UNDER_WAY),
    }
}

fn take(member: &Member, sent: Duration, answer: Result<Standing, Unserved>) {
    match answer {
        Ok(Standing::Renewed { controls }) => {
            member.lease.renew(sent + member.terms.usable());
            if !controls.is_empty() {
                member.controls.apply_all(controls, &member.holdings);
                member.beat_now.notify_one();
            }
        }
        Ok(Standing::Ended) | Err(Unserved::Refused(Refusal::UnknownWorker)) => {
            tracing::warn!(worker = %member.id, "the lease has ended: everything is dropped");
            member.lease.end();
            member.holdings.clear();
        }
        Err(error) => tracing::debug!(%error, "a heartbeat was not answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_renewed_elsewhere_while_there_is_time_left() {
        let millis = Duration::from_millis;
        let terms = Terms { lease: millis(2500), heartbeat: millis(500) };
        for (left, wait) in [(2250, 1000), (1251, 1), (1250, 125), (700, 125), (0, 125)] {
            assert_eq!(until_elsewhere(millis(left), terms), millis(wait), "{left}");
        }
    }
}
