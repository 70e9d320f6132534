//! Workers that freeze, or are cut off, where it hurts: the interleavings against which claims, leases and fences stand.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use fail::FailScenario;
use parking_lot::Mutex;
use piton::{FunctionContext, Resource, Result, Worker, WorkerBuilder, WorkflowContext, function, workflow};
use piton_devstack::{Network, Proxy};
use piton_scheduler::{
    engine::Killed,
    server::{DirectGrants, Scheduler, SchedulerOptions},
};
use piton_shared::{limits, state::RunState};
use tokio::sync::Notify;

mod late;

#[path = "../worker/stack.rs"]
#[expect(dead_code, reason = "these tests need less of it than those it stands with")]
mod stack;

use stack::{ORG, PATIENCE, Stack, eventually};

/// What functions here note.
#[derive(Default)]
struct Notes {
    begun: AtomicU32,
    dropped: AtomicU32,
    began: Notify,
    go_on: Notify,
    /// (epoch, try) of each.
    fences: Mutex<Vec<(u32, u32)>>,
}

/// Counts a function that was dropped before its end.
struct Unfinished<'a>(&'a Notes);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[function]
async fn work(notes: Resource<Notes>, ctx: &FunctionContext, number: u32) -> Result<u32> {
    notes.begun.fetch_add(1, Ordering::SeqCst);
    notes.fences.lock().push((ctx.epoch().0, ctx.try_number()));
    let unfinished = Unfinished(&notes);
    notes.began.notify_one();
    notes.go_on.notified().await;
    std::mem::forget(unfinished);
    Ok(number + 1)
}

#[workflow]
async fn one_step(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(work(1)).await?)
}

fn builder(notes: &Arc<Notes>) -> WorkerBuilder {
    Worker::builder().shared_resource(Arc::clone(notes)).register(work).register(one_step)
}

fn set(name: &str, actions: &str) {
    fail::cfg(name, actions).expect("the actions read");
}

async fn lease_ended(stack: &Stack) {
    eventually("the lease to end", async || {
        let workers = stack.engine.store().workers_list(&ORG, 10).await.ok()?;
        workers.iter().any(|worker| worker.ended_at.is_some()).then_some(())
    })
    .await;
}

/// A fence never goes back and never comes twice.
fn assert_fences(notes: &Notes) {
    let fences = notes.fences.lock().clone();
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_that_is_cut_off_drops_what_runs_before_its_work_is_given_away() {
    let scenario = FailScenario::setup();
    let stack = Stack::start().await;
    let notes = Arc::new(Notes::default());
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    set("worker::heartbeat-lost", "return");
    eventually("the function to be dropped", async || {
        let state = stack.engine.run(run, &ORG).await.ok().flatten()?.state;
        let dropped = notes.dropped.load(Ordering::SeqCst) == 1;
        assert!(dropped || state == RunState::Running, "{state} while the function still runs");
        dropped.then_some(())
    })
    .await;
    // The lease ends; nobody else is there, so the worker itself gets the run again, under another id.
    stack.reaches(run, RunState::Queued).await;
    fail::remove("worker::heartbeat-lost");
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 2);
    assert_fences(&notes);
    worker.stop().await;
    scenario.teardown();
}

/// A scheduler that hears nothing any more, which NATS does not know yet, costs the workers at home there nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scheduler_that_is_silent_costs_no_worker_its_lease() {
    const WORKERS: usize = 8;
    let scenario = FailScenario::setup();
    let mut stack = Stack::start().await;
    let proxy = Proxy::start(stack.nats.address()).await.expect("it listens");
    let url = format!("nats://{}", proxy.address());
    let silent = Scheduler::start(SchedulerOptions::new(stack.postgres.url(), url)).await.expect("it starts");
    stack.engine = silent.engine();
    stack.scheduler.take().expect("it runs").shutdown().await;
    let notes = Arc::new(Notes::default());
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(stack.work(builder(&notes)).await);
    }
    let engine = stack.engine.clone();
    let listed = async || engine.store().workers_list(&ORG, 100).await.expect("listed");
    eventually("them to be at home there", async || (listed().await.len() == WORKERS).then_some(())).await;
    stack.scheduler = Some(stack.another_scheduler().await);
    proxy.set(Network::Blackhole);
    let until = tokio::time::Instant::now() + 3 * limits::LEASE;
    eventually("three leases to pass", async || {
        let listed = listed().await;
        assert!(listed.iter().all(|worker| worker.ended_at.is_none()) && listed.len() == WORKERS, "{listed:#?}");
        (tokio::time::Instant::now() > until).then_some(())
    })
    .await;
    proxy.set(Network::Pass);
    futures::future::join_all(workers.into_iter().map(stack::Running::stop)).await;
    drop(silent);
    scenario.teardown();
}

/// A worker that is cut off again and again is no reason to suspect what it holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leases_that_end_while_the_process_lives_strike_nothing() {
    const RUNS: u32 = 3;
    let scenario = FailScenario::setup();
    let stack = Stack::start().await;
    let notes = Arc::new(Notes::default());
    let worker = stack.work(builder(&notes)).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(stack.begin("one_step", &()).await);
    }
    let executed = || notes.begun.load(Ordering::SeqCst) - notes.dropped.load(Ordering::SeqCst);
    for _ in 0..2 {
        eventually("all of them at once", async || (executed() == RUNS).then_some(())).await;
        set("worker::heartbeat-lost", "return");
        for run in &runs {
            assert_eq!(stack.reaches(*run, RunState::Queued).await.strikes, 1, "nobody has come back yet");
        }
        fail::remove("worker::heartbeat-lost");
    }
    eventually("all of them at once", async || (executed() == RUNS).then_some(())).await;
    for run in &runs {
        assert_eq!(stack.reaches(*run, RunState::Running).await.strikes, 0);
    }
    for run in runs {
        let ended = async || {
            notes.go_on.notify_waiters();
            let row = stack.engine.run(run, &ORG).await.ok().flatten()?;
            (row.state == RunState::Completed).then_some(())
        };
        eventually("the run to end", ended).await;
    }
    worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_that_is_renewed_in_time_goes_on_with_another_try() {
    let scenario = FailScenario::setup();
    let stack = Stack::start().await;
    let notes = Arc::new(Notes::default());
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    // The scheduler ends no lease of which it hears: only the answers are lost.
    set("worker::heartbeat-unanswered", "return");
    eventually("the function to be dropped", async || (notes.dropped.load(Ordering::SeqCst) == 1).then_some(())).await;
    fail::remove("worker::heartbeat-unanswered");
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(*notes.fences.lock(), [(1, 1), (1, 2)]);
    worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_that_is_handled_too_late_begins_nothing() {
    let scenario = FailScenario::setup();
    let stack = Stack::start_with(DirectGrants::Off).await;
    let notes = Arc::new(Notes::default());
    set("worker::claim-answered", "1*pause->off");
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    stack.reaches(run, RunState::Running).await;
    set("worker::heartbeat-lost", "return");
    // Its lease ends while the grant lies unhandled.
    lease_ended(&stack).await;
    assert_eq!(stack.reaches(run, RunState::Queued).await.attempts, 1);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 0);
    fail::remove("worker::claim-answered");
    fail::remove("worker::heartbeat-lost");
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 1, "the late grant began nothing");
    worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_kill_that_overtakes_a_grant_is_known_when_the_grant_is_handled() {
    let scenario = FailScenario::setup();
    let stack = Stack::start_with(DirectGrants::Off).await;
    let notes = Arc::new(Notes::default());
    set("worker::claim-answered", "1*pause->off");
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    stack.reaches(run, RunState::Running).await;
    let killed = stack.engine.kill(run, &ORG, PATIENCE).await.expect("the database answers");
    assert_eq!(killed, Some(Killed::Confirmed));
    fail::remove("worker::claim-answered");
    // Another run shows that the worker goes on.
    let other = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(other).await, 2);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 1, "nothing of the killed run began");
    worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_result_that_comes_after_the_lease_is_refused() {
    let scenario = FailScenario::setup();
    let stack = Stack::start().await;
    let notes = Arc::new(Notes::default());
    set("worker::append-send", "1*pause->off");
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    notes.go_on.notify_one();
    // The result waits at the failpoint while the lease ends.
    set("worker::heartbeat-lost", "return");
    stack.reaches(run, RunState::Queued).await;
    fail::remove("worker::append-send");
    fail::remove("worker::heartbeat-lost");
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 2, "the refused result is not the one that counts");
    assert_fences(&notes);
    worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_is_handled_after_the_lease_changes_nothing() {
    let scenario = FailScenario::setup();
    let stack = Stack::start().await;
    let notes = Arc::new(Notes::default());
    set("worker::append-answered", "1*pause->off");
    let worker = stack.work(builder(&notes)).await;
    let run = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    notes.go_on.notify_one();
    // It is committed, and the worker does not know.
    assert_eq!(stack.result::<u32>(run).await, 2);
    set("worker::heartbeat-lost", "return");
    lease_ended(&stack).await;
    fail::remove("worker::append-answered");
    fail::remove("worker::heartbeat-lost");
    let other = stack.begin("one_step", &()).await;
    notes.began.notified().await;
    notes.go_on.notify_one();
    assert_eq!(stack.result::<u32>(other).await, 2);
    assert_eq!(notes.begun.load(Ordering::SeqCst), 2);
    worker.stop().await;
    scenario.teardown();
}
