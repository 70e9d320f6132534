//! Granting dispatched work: to a worker that claims it, or to one that has room.

use std::time::Instant;

use piton_shared::{
    ids::WorkerId,
    limits,
    message::dispatch::{StepAsk, StepGrant},
};
use piton_telemetry::metrics::{ClaimOutcome, Group, SchedulerMetrics};

use crate::store::{GrantedStep, Store, StoreError};

/// Bytes of a grant beside its key, its terms and its input, generously.
const GRANT_BYTES: usize = 640;

/// Commits claims of dispatched work. Cheap to clone.
#[derive(Clone)]
pub struct StepGranter {
    /// Where it lies.
    pub store: Store,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

/// What was granted.
#[derive(Debug)]
pub struct GrantedSteps {
    /// The newest control that the granting statement saw.
    pub control_version: i64,
    /// The work, in one message's size.
    pub grants: Vec<StepGrant>,
}

impl StepGranter {
    /// Grants what can be granted of `asks` to a worker that lives.
    pub async fn grant(&self, worker: WorkerId, mut asks: Vec<StepAsk>) -> Result<GrantedSteps, StoreError> {
        asks.sort_unstable_by(|one, two| one.dispatch.cmp(&two.dispatch));
        asks.dedup_by(|one, two| one.dispatch == two.dispatch);
        let began = Instant::now();
        let granted = self.store.claim_steps(worker, &asks).await?;
        self.metrics.commits.at(Group::ClaimSteps).inc();
        self.metrics.commit_rows.at(Group::ClaimSteps).add(granted.len() as u64);
        self.metrics.commit_time.at(Group::ClaimSteps).seconds(began.elapsed());
        self.metrics.step_claims.at(ClaimOutcome::Granted).add(granted.len() as u64);
        self.metrics.step_claims.at(ClaimOutcome::Stale).add(asks.len().saturating_sub(granted.len()) as u64);
        let control_version = granted.iter().map(|grant| grant.control_version).max().unwrap_or(0);
        // What every grant takes is set aside before any input has a place.
        let rest: usize = granted.iter().map(beside_input).sum();
        let mut room = (limits::MESSAGE_BYTES - 4096).saturating_sub(rest);
        let grant = |found: GrantedStep| {
            self.metrics.step_lag.seconds(found.lag);
            let input = (found.input.len() < room).then(|| {
                room -= found.input.len();
                found.input
            });
            StepGrant {
                dispatch: found.dispatch,
                epoch: found.epoch,
                hold: found.hold,
                function: found.function,
                input,
                terms: found.terms,
                try_number: found.try_number,
                failed_tries: found.failed_tries,
                first_started_at: found.first_started_at,
                trace: found.trace,
            }
        };
        Ok(GrantedSteps { control_version, grants: granted.into_iter().map(grant).collect() })
    }
}

fn beside_input(grant: &GrantedStep) -> usize {
    GRANT_BYTES + grant.dispatch.key.as_str().len() + grant.function.len()
}
