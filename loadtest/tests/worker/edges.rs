//! Long waits, large values, code that never awaits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use piton::{Failure, FunctionContext, Resource, Result, RetryPolicy, Worker, WorkflowContext, function, workflow};
use piton_shared::{limits, parked::Parked, state::RunState};

use crate::stack::{ORG, Stack};

#[function]
async fn second_time_lucky(ctx: &FunctionContext) -> Result<u32> {
    if ctx.try_number() == 1 {
        return Err(Failure::new("not this time"));
    }
    Ok(ctx.try_number())
}

#[workflow]
async fn patient(ctx: &WorkflowContext) -> Result<u32> {
    let wait = limits::RETRY_IN_MEMORY + Duration::from_millis(200);
    Ok(ctx.step(second_time_lucky().retry(RetryPolicy::constant(wait))).await?)
}

#[function]
async fn blob(bytes: usize) -> Result<String> {
    Ok("x".repeat(bytes))
}

#[workflow]
async fn blobs(ctx: &WorkflowContext, count: usize) -> Result<usize> {
    let calls = (0..count).map(|_| ctx.step(blob(400 * 1024)));
    let blobs = futures::future::join_all(calls).await;
    blobs.into_iter().try_fold(0, |sum, blob| Ok(sum + blob?.len()))
}

#[function]
async fn spin(calls: Resource<AtomicU32>, millis: u64) -> Result<()> {
    calls.fetch_add(1, Ordering::SeqCst);
    let until = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    Ok(())
}

#[workflow]
async fn spinning(ctx: &WorkflowContext, millis: u64) -> Result<()> {
    Ok(ctx.step(spin(millis)).await?)
}

#[workflow]
async fn undecodable(_ctx: &WorkflowContext, _number: u32) -> Result<()> {
    Ok(())
}

fn builder(calls: &Arc<AtomicU32>) -> piton::WorkerBuilder {
    Worker::builder()
        .shared_resource(Arc::clone(calls))
        .register(second_time_lucky)
        .register(patient)
        .register(blob)
        .register(blobs)
        .register(spin)
        .register(spinning)
        .register(undecodable)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_wait_between_tries_is_a_timer() {
    let stack = Stack::start().await;
    let worker = stack.work(builder(&Arc::default())).await;
    let run = stack.begin("patient", &()).await;
    stack.reaches(run, RunState::Suspended).await;
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(stack.engine.store().tries_of(run, 10).await.expect("the database answers").len(), 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_larger_than_a_message_together_are_cut_and_read_in_pages() {
    let stack = Stack::start().await;
    let worker = stack.work(builder(&Arc::default())).await;
    let run = stack.begin("blobs", &12).await;
    assert_eq!(stack.result::<usize>(run).await, 12 * 400 * 1024);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_the_workflow_cannot_read_parks() {
    let stack = Stack::start().await;
    let worker = stack.work(builder(&Arc::default())).await;
    let run = stack.begin("undecodable", &"a text").await;
    let row = stack.reaches(run, RunState::Parked).await;
    assert!(matches!(row.parked, Some(Parked::Undecodable { .. })), "{row:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_never_awaits_does_not_cost_the_lease() {
    let stack = Stack::start().await;
    let calls = Arc::new(AtomicU32::new(0));
    let worker = builder(&calls).options(stack.options()).build().expect("it fits together");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // The one thread of this runtime is all that the worker has, but for its lease.
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let connected = worker.connect().await.expect("NATS answers");
            connected.run_until(async { drop(stopped.await) }).await
        })
    });
    let run = stack.begin("spinning", &(2 * limits::LEASE.as_millis() as u64)).await;
    let row = stack.ended(run).await;
    assert_eq!((row.state, row.attempts, calls.load(Ordering::SeqCst)), (RunState::Completed, 1, 1));
    let workers = stack.engine.store().workers_list(&ORG, 10).await.expect("the database answers");
    assert_eq!(workers.len(), 1, "it is still the same registration");
    drop(stop);
    tokio::task::spawn_blocking(|| thread.join()).await.expect("joined").expect("no panic").expect("it ends well");
}
