//! Workers that die.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use piton::{Resource, Result, Worker, WorkflowContext, function, workflow};
use tokio::sync::Semaphore;

use crate::stack::Stack;

struct Ledger {
    first: AtomicU32,
    slow: AtomicU32,
    /// Closed until the first worker is dead: whatever it has begun by then it has not ended.
    open: Semaphore,
}

#[function]
async fn first(ledger: Resource<Ledger>) -> Result<u32> {
    Ok(ledger.first.fetch_add(1, Ordering::SeqCst) + 1)
}

#[function]
async fn slow(ledger: Resource<Ledger>, number: u32) -> Result<u32> {
    ledger.slow.fetch_add(1, Ordering::SeqCst);
    ledger.open.acquire().await?.forget();
    Ok(number + 1)
}

#[workflow]
async fn two_steps(ctx: &WorkflowContext) -> Result<u32> {
    let number = ctx.step(first()).await?;
    Ok(ctx.step(slow(number)).await?)
}

fn builder(ledger: &Arc<Ledger>) -> piton::WorkerBuilder {
    Worker::builder().shared_resource(Arc::clone(ledger)).register(first).register(slow).register(two_steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_goes_on_where_a_dead_one_was() {
    let stack = Stack::start().await;
    let ledger = Ledger { first: AtomicU32::new(0), slow: AtomicU32::new(0), open: Semaphore::new(0) };
    let ledger = Arc::new(ledger);
    let doomed = stack.work(builder(&ledger)).await;
    let mut runs = Vec::new();
    for _ in 0..50 {
        runs.push(stack.begin("two_steps", &()).await);
    }
    crate::stack::eventually("functions to run", async || (ledger.slow.load(Ordering::SeqCst) >= 10).then_some(()))
        .await;
    doomed.crash().await;
    ledger.open.add_permits(1000);
    let heir = stack.work(builder(&ledger)).await;
    for run in runs {
        assert!(stack.result::<u32>(run).await > 1);
    }
    let (first, slow) = (ledger.first.load(Ordering::SeqCst), ledger.slow.load(Ordering::SeqCst));
    assert!((50..=100).contains(&first) && (60..=150).contains(&slow), "{first} and {slow} calls");
    heir.stop().await;
}
