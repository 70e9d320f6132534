//! The two kinds of work that a worker pulls and claims: runs and dispatched steps.

use std::{sync::Arc, time::Duration};

use piton_shared::{
    ids::{AttemptId, HoldId},
    message::{
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed},
        dispatch::{ClaimSteps, ClaimedSteps, StepAnswer, StepAsk, StepTask},
        task::RunTask,
    },
    subject::Method,
};
use piton_telemetry::metrics::ClaimOutcome;
use piton_transport::{Bus, PullError, Puller, Work};
use tokio::{sync::Semaphore, time::Instant};
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
    /// The answer to a claim.
    type Claimed: Send;

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
    ) -> impl Future<Output = Result<(Self::Claimed, Duration), Unserved>> + Send;
    /// Takes what was granted. Returns what was answered too late, to be claimed again.
    fn take(
        member: &Arc<Member>,
        asking: Vec<Asking<Self::Ask>>,
        claimed: Self::Claimed,
        validity: Validity,
    ) -> Vec<Asking<Self::Ask>>;
}

impl WorkKind for RunTask {
    type Ask = ClaimAsk;
    type Claimed = Claimed;

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

    async fn claim(member: &Member, asking: &[Asking<ClaimAsk>]) -> Result<(Claimed, Duration), Unserved> {
        let claim = Claim { worker: member.id, asks: asking.iter().map(|asking| asking.ask).collect() };
        let began = Instant::now();
        let answered = member.door.insist_since(Method::Claim, &claim, ANSWER).await;
        member.door.metrics.claim_time.seconds(began.elapsed());
        failpoint!("claim-answered");
        answered
    }

    fn take(
        member: &Arc<Member>,
        asking: Vec<Asking<ClaimAsk>>,
        claimed: Claimed,
        validity: Validity,
    ) -> Vec<Asking<ClaimAsk>> {
        let Claimed { control_version, answers } = claimed;
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
}

impl WorkKind for StepTask {
    type Ask = StepAsk;
    type Claimed = ClaimedSteps;

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

    async fn claim(member: &Member, asking: &[Asking<StepAsk>]) -> Result<(ClaimedSteps, Duration), Unserved> {
        let claim = ClaimSteps { worker: member.id, asks: asking.iter().map(|asking| asking.ask.clone()).collect() };
        let began = Instant::now();
        let answered = member.door.insist_since(Method::ClaimSteps, &claim, ANSWER).await;
        member.door.metrics.step_claim_time.seconds(began.elapsed());
        failpoint!("claim-steps-answered");
        answered
    }

    fn take(
        member: &Arc<Member>,
        asking: Vec<Asking<StepAsk>>,
        claimed: ClaimedSteps,
        validity: Validity,
    ) -> Vec<Asking<StepAsk>> {
        let ClaimedSteps { control_version, answers } = claimed;
        let mut late = Vec::new();
        for (Asking { slot, .. }, answer) in asking.into_iter().zip(answers) {
            match answer {
                StepAnswer::Granted(grant) => {
                    member.door.metrics.step_claims.at(ClaimOutcome::Granted).inc();
                    late.extend(member.take_step(*grant, control_version, validity, slot));
                }
                StepAnswer::Stale => member.door.metrics.step_claims.at(ClaimOutcome::Stale).inc(),
            }
        }
        late
    }
}
