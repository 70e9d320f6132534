//! Messages that put work into a worker's hands unasked.

use std::collections::HashMap;

use piton_shared::{
    ids::{AttemptId, Epoch, WorkerId},
    limits,
    message::{
        claim::{Company, Grant},
        read::More,
        wake::ToWorker,
    },
    time::Timestamp,
};
use piton_transport::Bus;

use crate::store::NewRun;

/// Bytes a grant takes beside its input, generously.
const GRANT_BYTES: usize = 512;

/// Says things to workers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ToWorkers {
    bus: Bus,
}

impl ToWorkers {
    /// Speaks on a bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Says one thing to one worker. Whatever is lost is asked for again.
    pub async fn tell(&self, worker: WorkerId, message: &ToWorker) {
        if let Err(error) = self.bus.publish(&self.bus.subjects().worker(worker), message).await {
            tracing::debug!(%error, %worker, "a worker was not told; it will ask");
        }
    }

    /// Hands over runs that were inserted held.
    pub async fn grant(&self, grants: Vec<(WorkerId, Grant)>, control_version: i64) {
        let mut by_worker: HashMap<WorkerId, Vec<Grant>> = HashMap::new();
        for (worker, grant) in grants {
            by_worker.entry(worker).or_default().push(grant);
        }
        for (worker, grants) in by_worker {
            for grants in cut(grants) {
                self.tell(worker, &ToWorker::Granted { control_version, grants }).await;
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
        trace: run.trace.clone(),
    }
}

/// Cuts grants into messages that stay below the bound.
fn cut(grants: Vec<Grant>) -> Vec<Vec<Grant>> {
    let mut messages: Vec<Vec<Grant>> = Vec::new();
    let mut bytes = limits::MESSAGE_BYTES;
    for grant in grants {
        let size = GRANT_BYTES + grant.input.as_ref().map_or(0, Vec::len) + grant.workflow.len();
        if bytes + size > limits::MESSAGE_BYTES {
            messages.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        messages.last_mut().expect("one was pushed for the first grant").push(grant);
    }
    messages
}
