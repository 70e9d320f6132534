//! Batches and state over several workers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use piton::{FunctionContext, Resource, Result, Worker, WorkerBuilder, WorkflowContext, function, workflow};
use piton_shared::{codec, ids::RunId, name::Queue};

use crate::stack::{ORG, Stack, eventually};

/// Items of a batch that are under way at once.
const BOUND: u32 = 20;

/// What is under way in the whole cluster: all workers are in this process.
#[derive(Default)]
struct UnderWay {
    now: AtomicU32,
    most: AtomicU32,
    calls: AtomicU32,
}

#[function]
async fn double(ctx: &FunctionContext, under_way: Resource<UnderWay>, number: u64) -> Result<u64> {
    assert!(ctx.step_key().as_str().starts_with("double#1/"), "{}", ctx.step_key());
    let now = under_way.now.fetch_add(1, Ordering::SeqCst) + 1;
    under_way.most.fetch_max(now, Ordering::SeqCst);
    under_way.calls.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(2)).await;
    under_way.now.fetch_sub(1, Ordering::SeqCst);
    Ok(number * 2)
}

#[workflow]
async fn many(ctx: &WorkflowContext, items: u64) -> Result<(u32, u64)> {
    let result = ctx.batch((0..items).map(double)).max_concurrency(BOUND).await?;
    let mut sum = 0;
    let mut outputs = result.outputs();
    while let Some(item) = outputs.next().await {
        sum += item.outcome?;
    }
    Ok((result.stats.completed, sum))
}

/// Counts the session up, with room for others between what is read and what is written.
#[workflow]
async fn count(ctx: &WorkflowContext, times: u32) -> Result<u32> {
    let mut counted = 0;
    for _ in 0..times {
        counted = ctx.session().update("counter", |counter: Option<u32>| counter.unwrap_or(0) + 1).await?;
    }
    ctx.state().set("last", counted).await?;
    Ok(ctx.state().get_or("last", 0).await?)
}

fn builder(under_way: &Arc<UnderWay>) -> WorkerBuilder {
    Worker::builder().shared_resource(Arc::clone(under_way)).register(double).register(many).register(count)
}

async fn in_session(stack: &Stack, times: u32) -> RunId {
    let start = piton_scheduler::engine::Start {
        org: ORG,
        workflow: "count".to_owned(),
        input: codec::encode(&times).expect("it encodes"),
        queue: Queue::DEFAULT,
        build: None,
        session: Some("visitor".to_owned()),
        tags: Vec::new(),
        delay: None,
        key: None,
        trace: None,
    };
    stack.engine.start(start).await.expect("it is accepted").run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_keeps_its_bound_over_several_workers() {
    let stack = Stack::start().await;
    let under_way = Arc::new(UnderWay::default());
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(stack.work(builder(&under_way)).await);
    }
    let run = stack.begin("many", &2_000_u64).await;
    assert_eq!(stack.result::<(u32, u64)>(run).await, (2_000, 1_999 * 2_000));
    let (most, calls) = (under_way.most.load(Ordering::SeqCst), under_way.calls.load(Ordering::SeqCst));
    assert!((2..=BOUND).contains(&most), "{most} at once");
    assert_eq!(calls, 2_000, "each once");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_outlives_the_worker_that_handed_it_over() {
    let stack = Stack::start().await;
    let under_way = Arc::new(UnderWay::default());
    let doomed = stack.work(builder(&under_way)).await;
    let run = stack.begin("many", &700_u64).await;
    eventually("items to be executed", async || (under_way.calls.load(Ordering::SeqCst) >= 50).then_some(())).await;
    doomed.crash().await;
    let again = Arc::new(UnderWay::default());
    let heir = stack.work(builder(&again)).await;
    assert_eq!(stack.result::<(u32, u64)>(run).await, (700, 699 * 700));
    let most = again.most.load(Ordering::SeqCst);
    assert!((1..=BOUND).contains(&most), "{most} at once");
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_session_beside_each_other_lose_no_write() {
    let stack = Stack::start().await;
    let under_way = Arc::new(UnderWay::default());
    let workers = [stack.work(builder(&under_way)).await, stack.work(builder(&under_way)).await];
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(in_session(&stack, 10).await);
    }
    let mut last = 0;
    for run in runs {
        last = last.max(stack.result::<u32>(run).await);
    }
    assert_eq!(last, 80, "whoever wrote last has seen all writes");
    for worker in workers {
        worker.stop().await;
    }
}
