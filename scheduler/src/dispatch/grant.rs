//! Messages that put work into a worker's hands unasked.

use std::{collections::HashMap, time::Duration};

use piton_shared::{
    ids::{AttemptId, Epoch, WorkerId},
    limits,
    message::{
        claim::{Company, Grant},
        read::More,
        wake::{Holding, Holds, ToWorker},
    },
    time::Timestamp,
};
use piton_transport::{Bus, RequestError};

use super::GrantedSteps;
use crate::{
    lease::{Place, WorkerOrgs},
    store::{Executing, NewRun},
};

/// Bytes a grant takes beside its input, generously.
const GRANT_BYTES: usize = 512;

/// Says things to workers. Cheap to clone.
#[derive(Clone)]
pub struct ToWorkers {
    bus: Bus,
    orgs: WorkerOrgs,
}

impl ToWorkers {
    /// Speaks on a bus, to workers of these orgs.
    pub fn new(bus: Bus, orgs: WorkerOrgs) -> Self {
        Self { bus, orgs }
    }

    /// Says one thing to one worker. Whatever is lost is asked for again.
    pub async fn tell(&self, worker: WorkerId, message: &ToWorker) {
        let org = match self.orgs.of(worker).await {
            Ok(Some(org)) => org,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, %worker, "a worker was not told: its org is not known now; it will ask");
                return;
            }
        };
        if let Err(error) = self.bus.publish(&self.bus.subjects().worker(&org, worker), message).await {
            tracing::debug!(%error, %worker, "a worker was not told; it will ask");
        }
    }

    /// Asks a worker which of these it holds. None when there is no answer within the time: a silent worker is its lease's
    /// business.
    pub async fn holds(&self, worker: WorkerId, question: &Holding, within: Duration) -> Option<Holds> {
        let org = match self.orgs.of(worker).await {
            Ok(org) => org?,
            Err(error) => {
                tracing::debug!(%worker, %error, "a worker was not asked: its org is not known now");
                return None;
            }
        };
        let subjects = self.bus.subjects();
        let (subject, answers) = (subjects.holding(&org, worker), subjects.answers(&org));
        let answer: Result<Holds, RequestError> = self.bus.request_at(&subject, &answers, question, within).await;
        answer.inspect_err(|error| tracing::debug!(%worker, %error, "a worker did not say what it holds")).ok()
    }

    /// Hands over runs that are held by the workers whose places these are.
    pub async fn grant(&self, grants: Vec<(Place, Grant)>, control_version: i64) {
        let mut by_place: HashMap<Place, Vec<Grant>> = HashMap::new();
        for (place, grant) in grants {
            by_place.entry(place).or_default().push(grant);
        }
        for (Place { worker, heartbeat }, grants) in by_place {
            for grants in cut(grants, grant_bytes) {
                self.tell(worker, &ToWorker::Granted { control_version, heartbeat, grants }).await;
            }
        }
    }

    /// Hands over dispatched work that a worker holds already; it fits into one message.
    pub async fn grant_steps(&self, place: Place, granted: GrantedSteps) {
        let (Place { worker, heartbeat }, GrantedSteps { control_version, grants }) = (place, granted);
        if !grants.is_empty() {
            self.tell(worker, &ToWorker::GrantedSteps { control_version, heartbeat, grants }).await;
        }
    }

    /// Says whose results nobody waits for any more.
    pub async fn drop_steps(&self, steps: Vec<Executing>) {
        let mut by_worker: HashMap<WorkerId, Vec<_>> = HashMap::new();
        for step in steps {
            by_worker.entry(step.worker).or_default().push((step.dispatch, step.hold));
        }
        for (worker, steps) in by_worker {
            for steps in cut(steps, |(dispatch, _)| 128 + dispatch.key.as_str().len()) {
                self.tell(worker, &ToWorker::DropSteps { steps }).await;
            }
        }
    }
}

/// The grant of a run that has just been accepted: there is no journal yet.
pub fn new_grant(run: &NewRun, attempt: AttemptId, created_at: Timestamp) -> Grant {
    Grant {
        run: run.id,
        epoch: Epoch(1),
        attempt,
        company: Company::Shared,
        workflow: run.workflow.clone(),
        seed: run.id.uuid(),
        created_at,
        input: Some(run.input.clone()),
        outside: 0,
        entries: Vec::new(),
        journal: More::End,
        open: Vec::new(),
        more_open: More::End,
        trace: run.trace.clone(),
    }
}

fn grant_bytes(grant: &Grant) -> usize {
    GRANT_BYTES + grant.input.as_ref().map_or(0, Vec::len) + grant.workflow.len()
}

/// Cuts what is to be said into messages that stay below the bound.
pub(crate) fn cut<T>(parts: impl IntoIterator<Item = T>, bytes_of: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut messages: Vec<Vec<T>> = Vec::new();
    let mut bytes = limits::MESSAGE_BYTES;
    for part in parts {
        let size = bytes_of(&part);
        if bytes + size > limits::MESSAGE_BYTES - 4096 {
            messages.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        messages.last_mut().expect("one was pushed for the first part").push(part);
    }
    messages
}
