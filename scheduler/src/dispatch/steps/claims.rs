//! Claims of dispatched work, and reading what did not come with a grant.

use std::collections::HashMap;

use piton_shared::{
    limits,
    message::{
        Answer, Refusal,
        dispatch::{ClaimSteps, ClaimedSteps, StepAnswer},
        read::{ReadStep, ReadStepAnswer},
    },
};

use super::{StepBacklog, StepGranter};
use crate::{
    lease::Roster,
    store::{Store, StoreError},
};

/// Answers claims of dispatched work. Cheap to clone.
#[derive(Clone)]
pub struct StepClaims {
    /// Where from.
    pub store: Store,
    /// Who keeps the workers' room.
    pub roster: Roster,
    /// Who feeds the queue again.
    pub backlog: StepBacklog,
    /// Who grants.
    pub granter: StepGranter,
}

impl StepClaims {
    /// Grants what can be granted.
    pub async fn claim(&self, claim: ClaimSteps) -> Answer<ClaimedSteps> {
        if claim.asks.len() > limits::CLAIM_STEPS {
            return Answer::Refused(Refusal::Invalid(format!(
                "a claim asks for at most {} steps",
                limits::CLAIM_STEPS
            )));
        }
        match self.granted(&claim).await {
            Ok(claimed) => Answer::Done(claimed),
            Err(error) => error.answer(),
        }
    }

    async fn granted(&self, claim: &ClaimSteps) -> Result<ClaimedSteps, StoreError> {
        let granted = self.granter.grant(claim.worker, claim.asks.clone()).await?;
        self.roster.took_steps(claim.worker, u32::try_from(granted.grants.len()).unwrap_or(u32::MAX));
        if !granted.grants.is_empty() {
            self.backlog.claimed();
        }
        let mut grants: HashMap<_, _> = granted.grants.into_iter().map(|grant| (grant.hold, grant)).collect();
        let answers = claim
            .asks
            .iter()
            .map(|ask| match grants.remove(&ask.hold) {
                Some(grant) => StepAnswer::Granted(Box::new(grant)),
                None => StepAnswer::Stale,
            })
            .collect();
        Ok(ClaimedSteps { control_version: granted.control_version, answers })
    }

    /// The input of dispatched work for whoever executes it.
    pub async fn read(&self, read: ReadStep) -> Answer<ReadStepAnswer> {
        match self.store.step_input(&read.dispatch, read.hold, read.worker).await {
            Ok(input) => Answer::Done(input.map_or(ReadStepAnswer::Fenced, ReadStepAnswer::Input)),
            Err(error) => error.answer(),
        }
    }
}
