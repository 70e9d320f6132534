//! Workers present themselves, and leave.

use std::time::Duration;

use piton_shared::{
    ids::{SchedulerId, WorkerId},
    limits,
    message::{
        Answer, Refusal,
        claim::HandedBack,
        dispatch::StepTask,
        worker::{Leave, Register, Registered},
    },
    name::Org,
};
use piton_transport::{Work, WorkError, WorkStream};

use super::Roster;
use crate::{
    dispatch::{Giver, Publisher},
    store::{Back, Fault, LeaseTerms, OrgRow, Store, StoreError},
};

/// Names a worker may bring of each kind.
const NAMES: usize = 10_000;

/// Registers workers and sees that their queues exist.
#[derive(Clone)]
pub struct Registrar {
    /// Where to.
    pub store: Store,
    /// The stream whose consumers they pull from.
    pub work: WorkStream,
    /// The stream of dispatched work, likewise.
    pub step_work: WorkStream<StepTask>,
    /// Who keeps their room.
    pub roster: Roster,
    /// Who publishes what a leaving worker held.
    pub publisher: Publisher,
    /// Who gives to others what it executed.
    pub giver: Giver,
    /// This scheduler: from now on the worker's home.
    pub scheduler: SchedulerId,
    /// How long a lease runs.
    pub lease: Duration,
    /// How often workers say that they live.
    pub heartbeat: Duration,
}

impl Registrar {
    /// Registers a worker, or says the same again.
    pub async fn register(&self, worker: Register) -> Answer<Registered> {
        if let Some(wrong) = wrong(&worker) {
            return Answer::Refused(Refusal::Invalid(wrong));
        }
        let made = async {
            let runs = consumers(&worker, &self.work).await?;
            let steps = consumers(&worker, &self.step_work).await?;
            Ok::<_, WorkError>((runs, steps))
        };
        let (consumers, step_consumers) = match made.await {
            Ok(made) => made,
            Err(error) => {
                return Answer::Unavailable { reason: format!("failed to make a consumer: {error}") };
            }
        };
        // First: the lease runs from the registration on, and taking strikes back waits for locks.
        if let Some(previous) = worker.previous
            && let Err(error) = self.came_back(previous, &worker).await
        {
            return Answer::Unavailable { reason: error.to_string() };
        }
        match self.store.register(&worker, self.lease).await {
            Ok(Some(LeaseTerms { control_version, lease })) => {
                tracing::info!(worker = %worker.worker, org = %worker.org, name = worker.name, "worker registered");
                self.roster.registered(&worker);
                Answer::Done(Registered {
                    scheduler: self.scheduler,
                    lease_millis: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
                    // The lease may be shorter than the one that this scheduler's heartbeat was chosen for.
                    heartbeat_millis: u64::try_from(self.heartbeat.min(lease / 4).as_millis()).unwrap_or(u64::MAX),
                    control_version,
                    consumers,
                    step_consumers,
                })
            }
            Ok(None) => self.unregistered(&worker.org).await,
            Err(error) if matches!(error.fault(), Fault::BadRow | Fault::Taken) => {
                Answer::Refused(Refusal::Invalid(error.reason()))
            }
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }

    /// The process of a worker lives though an earlier registration of it is over: that was no crash.
    async fn came_back(&self, previous: WorkerId, worker: &Register) -> Result<(), StoreError> {
        let (runs, offers) = match self.store.came_back(previous, &worker.org).await? {
            Back::Nothing => return Ok(()),
            Back::Left(left) => {
                self.roster.gone(previous);
                (left.runs, left.offers)
            }
            Back::TakenBack { runs, offers } => (runs, offers),
        };
        tracing::info!(%previous, worker = %worker.worker, "a worker's process lives on under a new registration: the end of its lease counts as no crash");
        self.publisher.publish(runs);
        self.giver.offer(offers);
        Ok(())
    }

    /// Why a registration was not written: there is no such org, it is disabled, or the worker's lease has ended.
    async fn unregistered(&self, org: &Org) -> Answer<Registered> {
        match self.store.org_get(org).await {
            Ok(Some(OrgRow { disabled_at: None, .. })) => Answer::Refused(Refusal::UnknownWorker),
            Ok(Some(OrgRow { disabled_at: Some(_), .. })) => Answer::Refused(Refusal::Invalid(format!(
                "the org `{org}` is disabled, and no worker joins it; `piton org enable {org}` enables it"
            ))),
            Ok(None) => Answer::Refused(Refusal::Invalid(format!(
                "there is no org `{org}`; `piton org create {org}` creates it"
            ))),
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }

    /// A worker leaves: what it still holds goes to others at once.
    pub async fn leave(&self, leave: Leave) -> Answer<HandedBack> {
        self.roster.gone(leave.worker);
        match self.store.leave(leave.worker).await {
            Ok(requeued) => {
                let left = requeued.unwrap_or_default();
                let (runs, steps) = (left.runs.len(), left.offers.len());
                tracing::info!(worker = %leave.worker, runs, steps, "worker left");
                let count = u32::try_from(runs).unwrap_or(u32::MAX);
                self.publisher.publish(left.runs);
                self.giver.offer(left.offers);
                Answer::Done(HandedBack { requeued: count })
            }
            Err(error) => error.answer(),
        }
    }
}

/// Makes the consumers of a worker's queues: one a queue, and one for the queue and its build.
async fn consumers<T: Work>(worker: &Register, work: &WorkStream<T>) -> Result<Vec<String>, WorkError> {
    let mut consumers = Vec::new();
    for queue in &worker.queues {
        for build in std::iter::once(None).chain(worker.build.as_ref().map(Some)) {
            let mut made = work.ensure_consumer(&worker.org, queue, build).await;
            if matches!(made, Err(WorkError::NoStream { .. })) {
                // NATS came back empty.
                work.restore().await?;
                made = work.ensure_consumer(&worker.org, queue, build).await;
            }
            consumers.push(made?);
        }
    }
    Ok(consumers)
}

fn wrong(worker: &Register) -> Option<String> {
    if worker.queues.is_empty() {
        return Some("a worker listens on at least one queue".into());
    }
    if worker.run_slots == 0 || worker.step_slots == 0 {
        return Some("a worker has at least one slot for runs and one for functions".into());
    }
    if worker.queues.len() > limits::WORKER_QUEUES {
        let (named, most) = (worker.queues.len(), limits::WORKER_QUEUES);
        return Some(format!("a worker listens on at most {most} queues, and this one names {named}: start several"));
    }
    if worker.workflows.len() > NAMES || worker.functions.len() > NAMES {
        return Some(format!("a worker brings at most {NAMES} workflows or functions"));
    }
    if worker.name.len() > limits::NAME_BYTES * 2 || worker.host.len() > limits::NAME_BYTES * 2 {
        return Some(format!("a worker's name and host have at most {} bytes", limits::NAME_BYTES * 2));
    }
    let names = worker.workflows.iter().chain(&worker.functions);
    names.map(|name| piton_shared::name::check_definition(name)).find_map(Result::err).map(|error| error.to_string())
}
