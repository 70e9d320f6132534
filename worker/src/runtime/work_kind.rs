//! The two kinds of work that a worker pulls and claims: runs and dispatched steps.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::{AttemptId, HoldId},
    message::{
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed, Grant},
        dispatch::{ClaimSteps, ClaimedSteps, StepAnswer, StepAsk, StepGrant, StepTask},
        task::RunTask,
    },
    subject::Method,
};
use piton_telemetry::metrics::{ByLabel, ClaimOutcome, Counter};
use piton_transport::{Bus, PullError, Puller, Work};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use uuid::Uuid;

use super::{
    claim::Asking,
    door::Unserved,
    failpoint::failpoint,
    member::{Member, fresh_uuid},
    validity::Validity,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);

/// A kind of work that a worker pulls from a queue and claims.
pub(super) trait WorkKind: Work + Send + Sync + 'static {
    /// Asks for one piece of work.
    type Ask: Send + Sync + 'static;
    /// One piece of work that was granted.
    type Grant: Send;

    /// Prepares to pull.
    fn open(bus: &Bus, consumer: &str) -> impl Future<Output = Result<Puller<Self>, PullError>> + Send;
    /// The slots of this kind: a piece of work occupies one.
    fn slots(member: &Member) -> &Arc<Semaphore>;
    /// The ask for this task, under a fresh id.
    fn ask(&self, member: &Member) -> Self::Ask;
    /// The id under which the work will be held.
    fn hold(ask: &Self::Ask) -> Uuid;
    /// Sends one claim until a scheduler answers. Returns also a moment before the answered request was sent.
    fn claim(
        member: &Member,
        asking: &[Asking<Self::Ask>],
    ) -> impl Future<Output = Result<(Answered<Self>, Duration), Unserved>> + Send;
    /// Counts what became of claims.
    fn outcomes(member: &Member) -> &ByLabel<ClaimOutcome, Counter>;
    /// Begins what was granted in its slot. Returns what was answered too late, to be claimed again.
    fn begin(
        member: &Arc<Member>,
        grant: Self::Grant,
        control_version: i64,
        validity: Validity,
        slot: OwnedSemaphorePermit,
    ) -> Option<Asking<Self::Ask>>;
}

/// A scheduler's answer to a claim.
pub(super) struct Answered<T: WorkKind> {
    /// Controls up to this one were seen by the statement that granted.
    pub(super) control_version: i64,
    /// For each ask in its order; none where the work is another's by now.
    pub(super) grants: Vec<Option<T::Grant>>,
}

impl WorkKind for RunTask {
    type Ask = ClaimAsk;
    type Grant = Grant;

    fn open(bus: &Bus, consumer: &str) -> impl Future<Output = Result<Puller<Self>, PullError>> + Send {
        Puller::open(bus, consumer)
    }

    fn slots(member: &Member) -> &Arc<Semaphore> {
        &member.run_slots
    }

    fn ask(&self, member: &Member) -> ClaimAsk {
        ClaimAsk { run: self.run, epoch: self.epoch, attempt: AttemptId::new(fresh_uuid(member.clock)) }
    }

    fn hold(ask: &ClaimAsk) -> Uuid {
        ask.attempt.uuid()
    }

    async fn claim(member: &Member, asking: &[Asking<ClaimAsk>]) -> Result<(Answered<Self>, Duration), Unserved> {
        let claim = Claim { worker: member.id, asks: asking.iter().map(|asking| asking.ask).collect() };
        let began = Instant::now();
        let (claimed, sent): (Claimed, _) = member.door.insist_since(Method::Claim, &claim, ANSWER).await?;
        member.door.metrics.claim_time.seconds(began.elapsed());
        failpoint!("claim-answered");
        let grants = claimed.answers.into_iter().map(|answer| match answer {
            ClaimAnswer::Granted(grant) => Some(*grant),
            ClaimAnswer::Stale => None,
        });
        Ok((Answered { control_version: claimed.control_version, grants: grants.collect() }, sent))
    }

    fn outcomes(member: &Member) -> &ByLabel<ClaimOutcome, Counter> {
        &member.door.metrics.claims
    }

    fn begin(
        member: &Arc<Member>,
        grant: Grant,
        control_version: i64,
        validity: Validity,
        slot: OwnedSemaphorePermit,
    ) -> Option<Asking<ClaimAsk>> {
        member.take(grant, control_version, validity, slot)
    }
}

impl WorkKind for StepTask {
    type Ask = StepAsk;
    type Grant = StepGrant;

    fn open(bus: &Bus, consumer: &str) -> impl Future<Output = Result<Puller<Self>, PullError>> + Send {
        Puller::open_steps(bus, consumer)
    }

    fn slots(member: &Member) -> &Arc<Semaphore> {
        &member.step_slots
    }

    fn ask(&self, member: &Member) -> StepAsk {
        let hold = HoldId::new(fresh_uuid(member.clock));
        StepAsk { dispatch: self.dispatch.clone(), epoch: self.epoch, hold }
    }

    fn hold(ask: &StepAsk) -> Uuid {
        ask.hold.uuid()
    }

    async fn claim(member: &Member, asking: &[Asking<StepAsk>]) -> Result<(Answered<Self>, Duration), Unserved> {
        let claim = ClaimSteps { worker: member.id, asks: asking.iter().map(|asking| asking.ask.clone()).collect() };
        let began = Instant::now();
        let (claimed, sent): (ClaimedSteps, _) = member.door.insist_since(Method::ClaimSteps, &claim, ANSWER).await?;
        member.door.metrics.step_claim_time.seconds(began.elapsed());
        failpoint!("claim-steps-answered");
        let grants = claimed.answers.into_iter().map(|answer| match answer {
            StepAnswer::Granted(grant) => Some(*grant),
            StepAnswer::Stale => None,
        });
        Ok((Answered { control_version: claimed.control_version, grants: grants.collect() }, sent))
    }

    fn outcomes(member: &Member) -> &ByLabel<ClaimOutcome, Counter> {
        &member.door.metrics.step_claims
    }

    fn begin(
        member: &Arc<Member>,
        grant: StepGrant,
        control_version: i64,
        validity: Validity,
        slot: OwnedSemaphorePermit,
    ) -> Option<Asking<StepAsk>> {
        member.take_step(grant, control_version, validity, slot)
    }
}
