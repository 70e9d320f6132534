//! What workflows and functions do when nothing is in the way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use piton::{
    Failure, FunctionContext, Resource, Result, RetryPolicy, StepError, Worker, WorkerOptions, WorkflowContext,
    function, workflow,
};
use piton_scheduler::{engine::Killed, server::DirectGrants};
use piton_shared::{name::Queue, parked::Parked, state::RunState};
use tokio::sync::Notify;

use crate::stack::{ORG, PATIENCE, Stack, eventually};

/// What functions here count.
#[derive(Default)]
struct Tally {
    calls: AtomicU32,
    undone: AtomicU32,
    began: Notify,
    go_on: Notify,
}

#[function]
async fn double(tally: Resource<Tally>, number: u64) -> Result<u64> {
    tally.calls.fetch_add(1, Ordering::SeqCst);
    Ok(number * 2)
}

#[workflow]
async fn doubled(ctx: &WorkflowContext, times: u32) -> Result<u64> {
    let mut number = 1;
    for _ in 0..times {
        number = ctx.step(double(number)).await?;
    }
    Ok(number)
}

#[workflow]
async fn side_by_side(ctx: &WorkflowContext, branches: u64) -> Result<u64> {
    let calls = (0..branches).map(|number| ctx.step(double(number)));
    let results = futures::future::join_all(calls).await;
    results.into_iter().try_fold(0, |sum, result| Ok(sum + result?))
}

#[function]
async fn flaky(ctx: &FunctionContext, failures: u32) -> Result<u32> {
    match ctx.try_number() {
        number if number > failures => Ok(number),
        1 => panic!("the first try panics"),
        _ => Err(Failure::new("not this time")),
    }
}

#[function(try_timeout = "50ms", retries = 1)]
async fn endless() -> Result<()> {
    std::future::pending().await
}

#[workflow]
async fn stubborn(ctx: &WorkflowContext, failures: u32) -> Result<String> {
    let patient = RetryPolicy::constant(Duration::from_millis(10)).max_tries(4);
    let tries = ctx.step(flaky(failures).retry(patient)).await;
    let bounded = ctx.step(endless()).await;
    match (tries, bounded) {
        (Ok(tries), Err(StepError::TimedOut(_))) => Ok(format!("after {tries} tries, and one timed out")),
        other => Err(Failure::new(format_args!("{other:?}"))),
    }
}

#[workflow]
async fn sleeper(ctx: &WorkflowContext, millis: u64) -> Result<u64> {
    let before = ctx.step(double(1)).await?;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.step(double(before)).await?)
}

#[function]
async fn hang(tally: Resource<Tally>) -> Result<()> {
    tally.began.notify_one();
    tally.go_on.notified().await;
    Ok(())
}

#[function]
async fn undo(tally: Resource<Tally>) -> Result<()> {
    tally.undone.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[workflow]
async fn hanging(ctx: &WorkflowContext) -> Result<()> {
    match ctx.step(hang()).await {
        Err(StepError::Cancelled) => {
            ctx.step(undo()).await?;
            Err(StepError::Cancelled.into())
        }
        ended => Ok(ended?),
    }
}

fn everything(tally: &Arc<Tally>) -> piton::WorkerBuilder {
    Worker::builder()
        .shared_resource(Arc::clone(tally))
        .register(double)
        .register(doubled)
        .register(side_by_side)
        .register(flaky)
        .register(endless)
        .register(stubborn)
        .register(sleeper)
        .register(hang)
        .register(undo)
        .register(hanging)
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_one_after_the_other_and_side_by_side() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let worker = stack.work(everything(&tally)).await;
    let run = stack.begin("doubled", &10).await;
    assert_eq!(stack.result::<u64>(run).await, 1024);
    assert_eq!(tally.calls.load(Ordering::SeqCst), 10);
    let run = stack.begin("side_by_side", &250_u64).await;
    assert_eq!(stack.result::<u64>(run).await, 250 * 249);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_over_the_stream_each_step_once() {
    let stack = Stack::start_with(DirectGrants::Off).await;
    let tally = Arc::new(Tally::default());
    let workers = [stack.work(everything(&tally)).await, stack.work(everything(&tally)).await];
    let mut runs = Vec::new();
    for _ in 0..200 {
        runs.push(stack.begin("doubled", &5).await);
    }
    for run in runs {
        assert_eq!(stack.result::<u64>(run).await, 32);
    }
    assert_eq!(tally.calls.load(Ordering::SeqCst), 1000);
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_that_panic_fail_and_time_out() {
    let stack = Stack::start().await;
    let worker = stack.work(everything(&Arc::default())).await;
    let run = stack.begin("stubborn", &3).await;
    assert_eq!(stack.result::<String>(run).await, "after 4 tries, and one timed out");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_run_leaves_memory_and_comes_back() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let worker = stack.work(everything(&tally)).await;
    let run = stack.begin("sleeper", &1500).await;
    stack.reaches(run, RunState::Suspended).await;
    assert_eq!(stack.result::<u64>(run).await, 4);
    assert_eq!(tally.calls.load(Ordering::SeqCst), 2, "what is journaled is not executed again");
    // Shorter than the grace: it stays.
    let run = stack.begin("sleeper", &50).await;
    assert_eq!(stack.result::<u64>(run).await, 4);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_confirmed_and_drops_what_runs() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let worker = stack.work(everything(&tally)).await;
    let run = stack.begin("hanging", &()).await;
    tally.began.notified().await;
    let killed = stack.engine.kill(run, &ORG, PATIENCE).await.expect("the database answers");
    assert_eq!(killed, Some(Killed::Confirmed));
    assert_eq!(stack.ended(run).await.state, RunState::Killed);
    worker.stop().await;
    assert_eq!(tally.undone.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_makes_good() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let worker = stack.work(everything(&tally)).await;
    let run = stack.begin("hanging", &()).await;
    tally.began.notified().await;
    stack.engine.cancel(run, &ORG, "no longer wanted").await.expect("the database answers");
    assert_eq!(stack.ended(run).await.state, RunState::Cancelled);
    assert_eq!(tally.undone.load(Ordering::SeqCst), 1);
    worker.stop().await;
}

/// Its step asks for a queue of its own.
#[workflow]
async fn elsewhere(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.step(double(1).queue("gpu")).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_for_another_queue_is_executed_there() {
    let stack = Stack::start().await;
    let worker = stack.work(everything(&Arc::default()).register(elsewhere)).await;
    let run = stack.begin("elsewhere", &()).await;
    stack.reaches(run, RunState::Suspended).await;
    let queues = vec![Queue::new("gpu").expect("a name")];
    let there = stack.work_with(everything(&Arc::default()), WorkerOptions { queues, ..stack.options() }).await;
    assert_eq!(stack.result::<u64>(run).await, 2);
    worker.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_function_parks_and_a_resume_goes_on() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let lacking = Worker::builder().register(doubled);
    let worker = stack.work(lacking).await;
    let run = stack.begin("doubled", &2).await;
    let row = stack.reaches(run, RunState::Parked).await;
    assert_eq!(row.parked, Some(Parked::Unregistered { name: "double".to_owned() }));
    worker.stop().await;
    let worker = stack.work(everything(&tally)).await;
    stack.engine.resume(run, &ORG).await.expect("the database answers");
    assert_eq!(stack.result::<u64>(run).await, 4);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_workflow_waits_for_a_worker_that_has_it() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let lacking = stack
        .work(Worker::builder().register(hanging).register(hang).register(undo).shared_resource(Arc::clone(&tally)))
        .await;
    let run = stack.begin("doubled", &2).await;
    let worker = stack.work(everything(&tally)).await;
    assert_eq!(stack.result::<u64>(run).await, 4);
    lacking.stop().await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_worker_finishes_its_function_and_another_goes_on() {
    let stack = Stack::start().await;
    let tally = Arc::new(Tally::default());
    let first = stack.work(everything(&tally)).await;
    let run = stack.begin("hanging", &()).await;
    tally.began.notified().await;
    let second = stack.work(everything(&tally)).await;
    let stopping = tokio::spawn(first.stop());
    let drained = async || {
        let row = stack.engine.run(run, &ORG).await.ok().flatten()?;
        (row.state == RunState::Running).then_some(())
    };
    eventually("the run to be held", drained).await;
    tally.go_on.notify_one();
    stopping.await.expect("it stops");
    assert_eq!(stack.ended(run).await.state, RunState::Completed);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_workflow_that_nobody_has_is_not_handed_around() {
    let stack = Stack::start().await;
    let other = stack.work(Worker::builder().register(side_by_side).register(double).resource(Tally::default())).await;
    let runs = futures::future::join_all((0..50).map(|_| stack.begin("doubled", &1))).await;
    // Runs of its own go their way meanwhile.
    assert_eq!(stack.result::<u64>(stack.begin("side_by_side", &2).await).await, 2);
    for run in &runs {
        assert_eq!(stack.reaches(*run, RunState::Backlog).await.attempts, 0);
    }
    let brings = stack.work(Worker::builder().register(doubled).register(double).resource(Tally::default())).await;
    for run in &runs {
        assert_eq!(stack.result::<u64>(*run).await, 2);
    }
    let attempts = futures::future::join_all(runs.iter().map(|run| stack.ended(*run))).await;
    let bounced: u32 = attempts.iter().map(|row| row.attempts - 1).sum();
    // Either worker may claim a task, and the one that lacks it hands it back to the other.
    assert!(bounced <= 50, "{bounced} hand-backs");
    brings.stop().await;
    other.stop().await;
}
