//! Presenting this worker to the schedulers, and staying known to them.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::WorkerId,
    limits,
    message::{
        Refusal,
        define::{Define, Defined},
        worker::{Register, Registered},
    },
    subject::Method,
};
use piton_transport::{BusState, Reconnect, RequestError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    door::{Door, Unserved},
    error::RunError,
    member::Member,
};
use crate::Worker;

/// How long a scheduler may take: it makes consumers meanwhile.
const ANSWER: Duration = Duration::from_secs(10);
/// The waits between tries.
const AGAIN: Reconnect = Reconnect { initial: Duration::from_millis(50), max: Duration::from_secs(1) };
/// How often to say that no scheduler answers.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// The least time between two registrations of one id.
const PAUSE: Duration = Duration::from_millis(250);

/// A registration that is committed.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) registered: Registered,
    /// When it was asked for, by the steady clock: the lease counts from then.
    pub(super) asked: Duration,
}

/// What this worker says of itself.
pub(super) fn card(worker: &Worker, id: WorkerId, previous: Option<WorkerId>) -> Register {
    let options = worker.options();
    let owned = |names: &mut dyn Iterator<Item = &'static str>| names.map(str::to_owned).collect();
    Register {
        worker: id,
        org: options.org.clone(),
        name: options.name.clone(),
        host: crate::options::host_name().unwrap_or_else(|| "unknown".to_owned()),
        process: std::process::id(),
        build: options.build.clone(),
        queues: options.queues.clone(),
        workflows: owned(&mut worker.registry().workflow_names()),
        functions: owned(&mut worker.registry().function_names()),
        run_slots: options.run_slots.get(),
        step_slots: options.step_slots.get(),
        previous,
    }
}

/// Says what this worker's definitions are, and then registers, however long that takes. Cancel it by dropping.
pub(super) async fn register(door: &Door, pages: &[Define], card: &Register) -> Result<Admitted, RunError> {
    // First: whoever is granted a run is known to be able to execute it.
    for page in pages {
        present::<_, Defined>(door, Method::Define, page).await.map_err(|unfit| match unfit {
            Unfit::Refused(refusal) => RunError::Declaration(refusal),
            Unfit::Unsendable(error) => RunError::Undeclarable(error),
            Unfit::Closed => RunError::Closed,
        })?;
    }
    let presented = present::<_, Registered>(door, Method::Register, card).await;
    let (registered, asked) = presented.map_err(|unfit| match unfit {
        Unfit::Refused(refusal) => RunError::Refused(refusal),
        Unfit::Unsendable(error) => RunError::Unpresentable(error),
        Unfit::Closed => RunError::Closed,
    })?;
    door.home.set(registered.scheduler);
    Ok(Admitted { registered, asked })
}

/// Why asking again will not help.
enum Unfit {
    Refused(Refusal),
    Unsendable(RequestError),
    Closed,
}

/// Asks until it is served; also says when that was asked for which was.
async fn present<Q: Serialize, A: DeserializeOwned>(
    door: &Door,
    method: Method,
    question: &Q,
) -> Result<(A, Duration), Unfit> {
    let mut tries = 0;
    let mut said: Option<Instant> = None;
    loop {
        match door.ask_since::<_, A>(method, question, ANSWER).await {
            Ok(answered) => return Ok(answered),
            Err(Unserved::Refused(refusal)) => return Err(Unfit::Refused(refusal)),
            Err(Unserved::Unsendable(error)) => return Err(Unfit::Unsendable(error)),
            Err(error @ (Unserved::Silent(_) | Unserved::Unavailable(_))) => {
                if *door.bus.state().borrow() == BusState::Closed {
                    return Err(Unfit::Closed);
                }
                if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
                    said = Some(Instant::now());
                    tracing::warn!(
                        error = %error,
                        "no scheduler registers this worker: start one with `piton serve`, or `piton dev`; it is tried again"
                    );
                }
            }
        }
        tries += 1;
        tokio::time::sleep(AGAIN.delay(tries)).await;
    }
}

/// Registers again, with the same id, whenever the scheduler at home falls silent or the queues are gone.
pub(super) async fn stay_registered(member: Arc<Member>, pages: Arc<[Define]>, card: Register) {
    loop {
        tokio::select! {
            biased;
            () = member.over.cancelled() => return,
            () = member.door.home.lost.notified() => {}
        }
        let registering = async {
            let admitted = register(&member.door, &pages, &card).await;
            tokio::time::sleep(PAUSE).await;
            admitted
        };
        let admitted = tokio::select! {
            biased;
            () = member.over.cancelled() => return,
            admitted = registering => admitted,
        };
        match admitted {
            Ok(Admitted { registered, .. }) => {
                tracing::info!(worker = %member.id, scheduler = %registered.scheduler, "registered again");
                member.beat_now.notify_one();
            }
            Err(RunError::Refused(Refusal::UnknownWorker)) => {
                member.lease.end();
                member.holdings.clear();
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "failed to register again");
                tokio::time::sleep(limits::LEASE).await;
            }
        }
    }
}
