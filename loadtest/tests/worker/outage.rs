//! NATS, Postgres and schedulers that go away and come back.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use piton::{Resource, Result, Worker, WorkflowContext, function, workflow};
use tokio::sync::Semaphore;

use crate::stack::{ORG, Stack, eventually};

/// Functions that were dropped before their end.
#[derive(Default)]
struct Dropped(AtomicU32);

struct Unfinished<'a>(&'a Dropped);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[function]
async fn wait_for_a_permit(gate: Resource<Semaphore>, dropped: Resource<Dropped>, number: u32) -> Result<u32> {
    let unfinished = Unfinished(&dropped);
    if let Ok(permit) = gate.acquire().await {
        permit.forget();
    }
    std::mem::forget(unfinished);
    Ok(number + 1)
}

#[workflow]
async fn gated(ctx: &WorkflowContext, steps: u32) -> Result<u32> {
    let mut number = 0;
    for _ in 0..steps {
        number = ctx.step(wait_for_a_permit(number)).await?;
    }
    Ok(number)
}

fn builder(gate: &Arc<Semaphore>) -> piton::WorkerBuilder {
    dropping(gate, &Arc::default())
}

fn dropping(gate: &Arc<Semaphore>, dropped: &Arc<Dropped>) -> piton::WorkerBuilder {
    Worker::builder()
        .shared_resource(Arc::clone(gate))
        .shared_resource(Arc::clone(dropped))
        .register(wait_for_a_permit)
        .register(gated)
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_is_wiped_and_runs_go_on() {
    let mut stack = Stack::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = stack.work(builder(&gate)).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(stack.begin("gated", &3).await);
    }
    gate.add_permits(20);
    stack.nats.wipe().await.expect("NATS comes back empty");
    gate.add_permits(1000);
    for _ in 0..5 {
        runs.push(stack.begin("gated", &1).await);
    }
    for run in runs {
        stack.result::<u32>(run).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_away_longer_than_a_lease_and_nothing_is_lost() {
    let mut stack = Stack::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let dropped = Arc::new(Dropped::default());
    let worker = stack.work(dropping(&gate, &dropped)).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(stack.begin("gated", &3).await);
    }
    eventually("functions to run", async || {
        let running = stack.engine.store().workers_list(&ORG, 1).await.ok()?.first()?.under_way.len();
        (running == 20).then_some(())
    })
    .await;
    stack.postgres.kill9().await.expect("Postgres dies");
    eventually("the lease to lapse", async || (dropped.0.load(Ordering::SeqCst) == 20).then_some(())).await;
    gate.add_permits(1000);
    stack.postgres.restart().await.expect("Postgres comes back");
    for run in runs {
        assert_eq!(stack.result::<u32>(run).await, 3);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_at_home_goes_and_another_serves() {
    let mut stack = Stack::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = stack.work(builder(&gate)).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(stack.begin("gated", &3).await);
    }
    let other = stack.another_scheduler().await;
    stack.engine = other.engine();
    stack.scheduler.take().expect("it runs").shutdown().await;
    gate.add_permits(1000);
    for run in runs {
        assert_eq!(stack.result::<u32>(run).await, 3);
    }
    let run = stack.begin("gated", &1).await;
    assert_eq!(stack.result::<u32>(run).await, 1);
    worker.stop().await;
}
