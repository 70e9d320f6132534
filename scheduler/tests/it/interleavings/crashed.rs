//! A scheduler is gone between its commit and what it was about to say: it is found again.

use fail::FailScenario;
use piton_scheduler::server::DirectGrants;
use piton_shared::{
    ids::{AttemptId, Epoch, RunId},
    message::{
        append::{AppendAnswer, Next},
        claim::{ClaimAnswer, ClaimAsk, HandBack, HandBackReason, HandedBack},
    },
    state::RunState,
    subject::Method,
};

use crate::{
    cluster::{Cluster, Worker, start, started},
    making::{With, fresh, payload, until},
};

fn lose(what: &str, actions: &str) {
    fail::cfg(format!("scheduler::{what}"), actions).expect("the actions read");
}

async fn ends(cluster: Cluster, mut worker: Worker, run: RunId) {
    let grant = worker.takes().await.expect("granted");
    assert_eq!((grant.run, grant.epoch), (run, Epoch(2)));
    let done = worker.hold(&grant).append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    assert_eq!(cluster.db.row(run).await.strikes, 0);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_was_lost_after_the_commit_is_found() {
    let _points = FailScenario::setup();
    let cluster = Cluster::with("crash_publish", |options| options.direct_grants = DirectGrants::Off).await;
    cluster.db.worker().await;
    lose("intake-committed", "1*return->off");
    let run = cluster.start("x").await;
    let worker = Worker::join(&cluster).await;
    ends(cluster, worker, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_inserted_held_and_whose_grant_was_lost_is_found() {
    let _points = FailScenario::setup();
    let cluster = Cluster::new("crash_grant").await;
    let mut worker = Worker::join(&cluster).await;
    worker.beats(1).await;
    lose("intake-committed", "return");
    let mut lost = None;
    for scheduler in &cluster.schedulers {
        let run = started(scheduler.engine().start(start("x")).await);
        if run.state == RunState::Running {
            lost = Some(run.run);
            break;
        }
        // It is not at home there.
        cluster.engine().kill(run.run, &crate::making::ORG, crate::cluster::SOON).await.expect("killed");
    }
    let lost = lost.expect("one of them is the worker's home");
    lose("intake-committed", "off");
    assert_eq!(worker.denies().await.runs.iter().map(|(run, _)| *run).collect::<Vec<_>>(), [lost]);
    ends(cluster, worker, lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_lost_after_a_run_came_back_is_found() {
    let _points = FailScenario::setup();
    let cluster = Cluster::new("crash_direct").await;
    let mut worker = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    // Whichever scheduler hears it, the worker has room at its home only.
    worker.beats(1).await;
    lose("grant-committed", "return");
    let back = HandBack { worker: worker.id, reason: HandBackReason::Released, runs: vec![(run, grant.attempt)] };
    let subject = worker.bus.subjects().ask_at(worker.home, &crate::making::ORG, Method::HandBack);
    let answer: piton_shared::message::Answer<HandedBack> =
        worker.bus.request(&subject, &back, crate::cluster::SOON, None).await.expect("answered");
    assert_eq!(answer, piton_shared::message::Answer::Done(HandedBack { requeued: 1 }));
    until(async || cluster.db.row(run).await.attempts == 2).await;
    let denied = worker.denies().await;
    assert_eq!(denied.runs.iter().map(|(run, _)| *run).collect::<Vec<_>>(), [run]);
    lose("grant-committed", "off");
    let again = worker.takes().await.expect("granted");
    assert_eq!((again.run, again.epoch), (run, Epoch(3)));
    let done = worker.hold(&again).append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_was_lost_is_granted_again_to_the_same_attempt() {
    let _points = FailScenario::setup();
    let cluster = Cluster::with("crash_claim", |options| options.direct_grants = DirectGrants::Off).await;
    let run = cluster.start("x").await;
    let mut worker = Worker::join(&cluster).await;
    let tasks = worker.pulls().await;
    let [task] = &tasks[..] else { panic!("{tasks:?}") };
    let ask = ClaimAsk { run: task.run, epoch: task.epoch, attempt: AttemptId::new(fresh()) };
    lose("claim-committed", "1*return->off");
    let answers = worker.claims(vec![ask]).await;
    let [ClaimAnswer::Granted(grant)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((grant.run, cluster.db.row(run).await.attempts), (run, 1));
    let done = worker.hold(grant).append(1, Next::Complete(payload("x")));
    assert_eq!(worker.appends(done.append).await, AppendAnswer::Accepted);
    cluster.finish().await;
}
