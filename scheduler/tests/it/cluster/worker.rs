//! A worker that does nothing unasked: tests say what it sends and when.

use std::time::Duration;

use piton_shared::{
    ids::{AttemptId, HoldId, SchedulerId, WorkerId},
    journal::Entry,
    message::{
        Answer,
        append::{Append, AppendAnswer, Appended, Appends},
        claim::{Claim, ClaimAnswer, ClaimAsk, Claimed, Grant},
        dispatch::{
            ClaimSteps, ClaimedSteps, Finish, FinishAnswer, Finished, StepAnswer, StepAsk, StepEnd, StepEnding,
            StepGrant, StepTask,
        },
        task::RunTask,
        wake::{Holding, Holds, ToWorker},
        worker::{Heartbeat, Intent, Register, Registered, Standing},
    },
    subject::Method,
};
use piton_transport::{Bus, BusOptions, Inbox, Puller, RequestError};
use serde::{Serialize, de::DeserializeOwned};

use super::{Cluster, SOON};
use crate::making::{Hold, ORG, fresh, register};

const ANSWER: Duration = Duration::from_secs(30);

pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) home: SchedulerId,
    pub(crate) bus: Bus,
    pub(crate) told: Inbox,
    pub(crate) holding: Inbox,
    pub(crate) puller: Puller,
    pub(crate) step_puller: Puller<StepTask>,
}

impl Worker {
    pub(crate) async fn join(cluster: &Cluster) -> Self {
        Self::join_as(cluster, register(WorkerId::new(fresh()))).await
    }

    pub(crate) async fn join_as(cluster: &Cluster, register: Register) -> Self {
        let bus = Bus::connect(BusOptions::new(cluster.nats.url(), "worker")).await.expect("NATS is there");
        let id = register.worker;
        let told = bus.serve(&bus.subjects().worker(&register.org, id), None).await.expect("it listens");
        let holding = bus.serve(&bus.subjects().holding(&register.org, id), None).await.expect("it listens");
        let registered: Registered = insist(&bus, Method::Register, &register).await;
        let puller = Puller::open(&bus, registered.consumers[0].clone()).await.expect("a puller");
        let steps = Puller::open_steps(&bus, registered.step_consumers[0].clone()).await.expect("a puller");
        Self { id, home: registered.scheduler, bus, told, holding, puller, step_puller: steps }
    }

    pub(crate) fn beat(&self, free_runs: u32) -> Heartbeat {
        Heartbeat {
            worker: self.id,
            number: 1,
            intent: Intent::Working,
            free_runs,
            free_steps: 10,
            control_applied: 0,
            under_way: Vec::new(),
        }
    }

    /// A heartbeat to its home: from now on it is granted runs there.
    pub(crate) async fn beats(&self, free_runs: u32) -> Standing {
        self.says(&self.beat(free_runs)).await
    }

    pub(crate) async fn says(&self, beat: &Heartbeat) -> Standing {
        let subject = self.bus.subjects().ask_at(self.home, &ORG, Method::Heartbeat);
        match self.bus.request(&subject, beat, ANSWER, None).await.expect("answered") {
            Answer::Done(standing) => standing,
            other @ (Answer::Refused(_) | Answer::Unavailable { .. }) => panic!("{other:?}"),
        }
    }

    /// Asks any scheduler.
    pub(crate) async fn ask<Q: Serialize, A: DeserializeOwned>(&self, method: Method, question: &Q) -> Answer<A> {
        ask(&self.bus, method, question).await.expect("answered")
    }

    /// What it is told next.
    pub(crate) async fn hears(&mut self) -> ToWorker {
        let received = tokio::time::timeout(SOON, self.told.next()).await.expect("it is told something");
        received.expect("the connection stands").open().expect("it reads")
    }

    /// The run that it is granted unasked.
    pub(crate) async fn granted(&mut self) -> Grant {
        match self.hears().await {
            ToWorker::Granted { mut grants, .. } => {
                assert_eq!(grants.len(), 1);
                grants.pop().expect("one")
            }
            other @ (ToWorker::Wake { .. }
            | ToWorker::GrantedSteps { .. }
            | ToWorker::DropSteps { .. }
            | ToWorker::DropRun { .. }
            | ToWorker::Control(_)) => panic!("{other:?}"),
        }
    }

    /// The dispatched work that it is granted unasked.
    pub(crate) async fn granted_steps(&mut self) -> Vec<StepGrant> {
        match self.hears().await {
            ToWorker::GrantedSteps { grants, .. } => grants,
            other @ (ToWorker::Granted { .. }
            | ToWorker::Wake { .. }
            | ToWorker::DropSteps { .. }
            | ToWorker::DropRun { .. }
            | ToWorker::Control(_)) => panic!("{other:?}"),
        }
    }

    /// The rows that wake a run of its.
    pub(crate) async fn woken(&mut self) -> Vec<Entry> {
        match self.hears().await {
            ToWorker::Wake { entries, .. } => entries,
            other @ (ToWorker::Granted { .. }
            | ToWorker::GrantedSteps { .. }
            | ToWorker::DropSteps { .. }
            | ToWorker::DropRun { .. }
            | ToWorker::Control(_)) => panic!("{other:?}"),
        }
    }

    /// The next tasks of dispatched work.
    pub(crate) async fn pulls_steps(&mut self) -> Vec<StepTask> {
        let pull = self.step_puller.pull(100, SOON, std::future::pending());
        let mut tasks = Vec::new();
        for delivery in pull.await.expect("it is delivered") {
            delivery.ack().await.expect("it is acknowledged");
            tasks.extend(delivery.task.ok());
        }
        tasks
    }

    /// Pulls and claims until it holds so much.
    pub(crate) async fn takes_steps(&mut self, count: usize) -> Vec<StepGrant> {
        let mut grants = Vec::new();
        while grants.len() < count {
            let ask =
                |task: StepTask| StepAsk { dispatch: task.dispatch, epoch: task.epoch, hold: HoldId::new(fresh()) };
            let asks = self.pulls_steps().await.into_iter().map(ask).collect();
            for answer in self.claims_steps(asks).await {
                match answer {
                    StepAnswer::Granted(grant) => grants.push(*grant),
                    StepAnswer::Stale => {}
                }
            }
        }
        grants
    }

    pub(crate) async fn claims_steps(&self, asks: Vec<StepAsk>) -> Vec<StepAnswer> {
        let claim = ClaimSteps { worker: self.id, asks };
        let claimed: ClaimedSteps = insist(&self.bus, Method::ClaimSteps, &claim).await;
        claimed.answers
    }

    /// Reports the same of each.
    pub(crate) async fn finishes(
        &self,
        grants: &[StepGrant],
        ending: impl Fn(&StepGrant) -> StepEnding,
    ) -> Vec<FinishAnswer> {
        let end =
            |grant: &StepGrant| StepEnd { dispatch: grant.dispatch.clone(), hold: grant.hold, ending: ending(grant) };
        let finish = Finish { worker: self.id, ends: grants.iter().map(end).collect() };
        let finished: Finished = insist(&self.bus, Method::Finish, &finish).await;
        finished.answers
    }

    /// The next tasks of its queue.
    pub(crate) async fn pulls(&mut self) -> Vec<RunTask> {
        let pull = self.puller.pull(100, SOON, std::future::pending());
        let mut tasks = Vec::new();
        for delivery in pull.await.expect("it is delivered") {
            delivery.ack().await.expect("it is acknowledged");
            tasks.push(delivery.task.expect("it reads"));
        }
        assert!(!tasks.is_empty(), "nothing was published");
        tasks
    }

    pub(crate) async fn claims(&self, asks: Vec<ClaimAsk>) -> Vec<ClaimAnswer> {
        let claimed: Claimed = insist(&self.bus, Method::Claim, &Claim { worker: self.id, asks }).await;
        claimed.answers
    }

    /// Pulls one task and claims it.
    pub(crate) async fn takes(&mut self) -> Option<Grant> {
        let tasks = self.pulls().await;
        let ask = |task: &RunTask| ClaimAsk { run: task.run, epoch: task.epoch, attempt: AttemptId::new(fresh()) };
        let mut answers = self.claims(tasks.iter().map(ask).collect()).await;
        assert_eq!(answers.len(), 1);
        match answers.pop().expect("one") {
            ClaimAnswer::Granted(grant) => Some(*grant),
            ClaimAnswer::Stale => None,
        }
    }

    pub(crate) async fn appends(&self, append: Append) -> AppendAnswer {
        append_as(&self.bus, self.id, append).await
    }

    pub(crate) fn hold(&self, grant: &Grant) -> Hold {
        Hold { run: grant.run, epoch: grant.epoch, attempt: grant.attempt, worker: self.id }
    }

    /// Answers the next question about what it holds: it knows of nothing.
    pub(crate) async fn denies(&mut self) -> Holding {
        let asked = tokio::time::timeout(SOON, self.holding.next()).await.expect("it is asked");
        let asked = asked.expect("the connection stands");
        let holding: Holding = asked.open().expect("it reads");
        let holds = Holds { unknown: holding.runs.clone(), unknown_steps: holding.steps.clone() };
        asked.respond(&holds).await.expect("it answers");
        holding
    }
}

pub(crate) async fn ask<Q: Serialize, A: DeserializeOwned>(
    bus: &Bus,
    method: Method,
    question: &Q,
) -> Result<Answer<A>, RequestError> {
    bus.request(&bus.subjects().ask(&ORG, method), question, ANSWER, None).await
}

/// Asks until it is done, as workers do.
pub(crate) async fn insist<Q: Serialize, A: DeserializeOwned>(bus: &Bus, method: Method, question: &Q) -> A {
    let asking = async {
        loop {
            match ask(bus, method, question).await {
                Ok(Answer::Done(answer)) => return answer,
                Ok(Answer::Refused(refusal)) => panic!("refused: {refusal}"),
                Ok(Answer::Unavailable { .. }) | Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(SOON, asking).await.expect("it is answered")
}

pub(crate) async fn append_as(bus: &Bus, worker: WorkerId, append: Append) -> AppendAnswer {
    let request = Appends { worker, appends: vec![append] };
    let mut appended: Appended = insist(bus, Method::Append, &request).await;
    assert_eq!(appended.answers.len(), 1);
    appended.answers.pop().expect("one")
}
