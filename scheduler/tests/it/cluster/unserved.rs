//! Work that no live worker can execute waits unpublished, and starts when a worker registers that can.

use std::time::Duration;

use piton_scheduler::{
    engine::Start,
    store::{Placement, RunRow, Served},
};
use piton_shared::{
    ids::{RunId, WorkerId},
    limits,
    message::{
        append::{AppendAnswer, Next},
        claim::{HandBack, HandBackReason, HandedBack},
        worker::{Leave, Register},
    },
    name::{Build, Queue},
    state::RunState,
    subject::Method,
};

use super::{Cluster, Worker, start, worker::insist};
use crate::{
    database::Database,
    making::{LONG, ORG, With, fresh, register, until},
};

fn with(workflows: &[&str], functions: &[&str]) -> Register {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Register { workflows: texts(workflows), functions: texts(functions), ..register(WorkerId::new(fresh())) }
}

async fn row(cluster: &Cluster, run: RunId) -> RunRow {
    cluster.db.row(run).await
}

fn waits(row: &RunRow) -> bool {
    row.state == RunState::Backlog && row.served == Served::No
}

#[tokio::test]
async fn a_run_whose_workflow_nobody_has_waits_unclaimed_until_a_worker_brings_it() {
    let cluster = Cluster::new("unserved_new").await;
    let mut other = Worker::join(&cluster).await;
    let asked = Start { workflow: "ordr".into(), ..start("x") };
    let started = cluster.engine().start(asked).await.expect("accepted");
    assert_eq!((started.state, started.served), (RunState::Backlog, Served::No));
    // What others have goes its way meanwhile, and it alone is in the stream.
    let run = cluster.start("x").await;
    assert_eq!(other.takes().await.expect("granted").run, run);
    let found = row(&cluster, started.run).await;
    assert_eq!((waits(&found), found.attempts, found.epoch), (true, 0, 0));

    let mut worker = Worker::join_as(&cluster, with(&["ordr"], &[])).await;
    assert_eq!(worker.takes().await.expect("granted").run, started.run);
    let found = row(&cluster, started.run).await;
    assert_eq!((found.attempts, found.epoch, found.served), (1, 1, Served::Yes));
    for run in [run, started.run] {
        cluster.engine().kill(run, &ORG, Duration::ZERO).await.expect("answered");
    }
    cluster.finish().await;
}

#[tokio::test]
async fn the_queue_and_the_build_count_as_well() {
    let cluster = Cluster::new("unserved_bound").await;
    let build = |name| Build::new(name).expect("a name");
    let gpu = Queue::new("gpu").expect("a name");
    let _other = Worker::join_as(&cluster, Register { build: Some(build("v1")), ..with(&["order"], &[]) }).await;
    let bound = Start { build: Some(build("v2")), ..start("x") };
    let queued = Start { queue: gpu.clone(), ..start("x") };
    for (asked, brings) in [
        (bound, Register { build: Some(build("v2")), ..with(&["order"], &[]) }),
        (queued, Register { queues: vec![gpu], ..with(&["order"], &[]) }),
    ] {
        let started = cluster.engine().start(asked).await.expect("accepted");
        assert_eq!(started.served, Served::No);
        Worker::join_as(&cluster, brings).await;
        until(async || row(&cluster, started.run).await.state == RunState::Queued).await;
        assert_eq!(row(&cluster, started.run).await.attempts, 0);
        cluster.engine().kill(started.run, &ORG, Duration::ZERO).await.expect("answered");
    }
    cluster.finish().await;
}

#[tokio::test]
async fn what_the_last_worker_with_the_workflow_leaves_behind_is_handed_back_once() {
    let cluster = Cluster::new("unserved_gone").await;
    let leaving = Worker::join(&cluster).await;
    let run = cluster.start("x").await;
    assert_eq!(row(&cluster, run).await.state, RunState::Queued);
    let _: HandedBack = insist(&leaving.bus, Method::Leave, &Leave { worker: leaving.id }).await;
    let mut other = Worker::join_as(&cluster, with(&["refund"], &[])).await;
    let grant = other.takes().await.expect("granted");
    let runs = vec![(grant.run, grant.attempt)];
    let back = HandBack { worker: other.id, reason: HandBackReason::Lacking, runs };
    let _: HandedBack = insist(&other.bus, Method::HandBack, &back).await;
    until(async || waits(&row(&cluster, run).await)).await;
    let mut worker = Worker::join(&cluster).await;
    assert_eq!(worker.takes().await.expect("granted").run, run);
    assert_eq!(row(&cluster, run).await.attempts, 2);
    cluster.engine().kill(run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_sweep_brings_back_all_that_waited_for_a_worker() {
    let db = Database::new("unserved_all").await;
    db.worker().await;
    let seed = sqlx::query(include_str!("../sql/seed_unserved.sql"));
    seed.bind(limits::SWEEP_ROWS * 2 + 1).bind("order").execute(&db.pool).await.expect("they wait");
    // There is one sweep in this test: what it leaves is left.
    let cluster = Cluster::on(db, |options| options.sweep = LONG).await;
    until(async || {
        let left = sqlx::query_scalar::<_, i64>(include_str!("../sql/count_unserved.sql"));
        left.fetch_one(&cluster.db.pool).await.expect("counted") == 0
    })
    .await;
    cluster.finish().await;
}

#[tokio::test]
async fn a_worker_that_registered_long_ago_is_looked_at_too() {
    let cluster = Cluster::new("unserved_long_ago").await;
    let worker = cluster.db.worker().await;
    cluster.db.tamper(include_str!("../sql/age_registration.sql"), worker.uuid()).await;
    let run = cluster.db.accept(Placement::Unserved).await;
    until(async || row(&cluster, run).await.state == RunState::Queued).await;
    cluster.finish().await;
}

/// A run of a worker without functions, whose step nobody can execute.
async fn stopped_step(cluster: &Cluster) -> RunId {
    let mut worker = Worker::join_as(cluster, with(&["order"], &[])).await;
    cluster.start("x").await;
    let grant = worker.takes().await.expect("granted");
    let append = worker.hold(&grant).append(1, Next::Suspend { seen_outside: 0 }).with_step("a#1");
    assert_eq!(worker.appends(append.append).await, AppendAnswer::Accepted);
    until(async || is_stopped(cluster, grant.run, Some("unserved")).await).await;
    grant.run
}

async fn is_stopped(cluster: &Cluster, run: RunId, why: Option<&str>) -> bool {
    let steps = cluster.db.store.steps_of(run, 10).await.expect("read");
    steps.first().expect("it is open").stopped.as_deref() == why
}

#[tokio::test]
async fn a_step_whose_function_nobody_has_waits_for_a_worker_that_brings_it() {
    let cluster = Cluster::new("unserved_step").await;
    let run = stopped_step(&cluster).await;
    let mut brings = Worker::join_as(&cluster, with(&[], &["charge"])).await;
    let granted = brings.takes_steps(1).await;
    assert_eq!((granted[0].dispatch.run, granted[0].try_number), (run, 1));
    cluster.engine().kill(run, &ORG, Duration::ZERO).await.expect("answered");
    cluster.finish().await;
}

#[tokio::test]
async fn a_pause_holds_also_what_waited_for_a_worker() {
    let cluster = Cluster::new("unserved_pause").await;
    let run = stopped_step(&cluster).await;
    cluster.engine().pause(run, &ORG, Duration::ZERO).await.expect("answered");
    assert!(is_stopped(&cluster, run, Some("paused")).await);
    let mut brings = Worker::join_as(&cluster, with(&["refund"], &["charge"])).await;
    // A sweep has looked at what this worker brought once a run that waited for it is published.
    let asked = Start { workflow: "refund".into(), ..start("x") };
    let beside = cluster.engine().start(asked).await.expect("accepted").run;
    assert_eq!(brings.takes().await.expect("granted").run, beside);
    assert!(is_stopped(&cluster, run, Some("paused")).await, "a worker that has it does not end the pause");
    cluster.engine().resume(run, &ORG).await.expect("answered");
    assert_eq!(brings.takes_steps(1).await[0].dispatch.run, run);
    for run in [run, beside] {
        cluster.engine().kill(run, &ORG, Duration::ZERO).await.expect("answered");
    }
    cluster.finish().await;
}
