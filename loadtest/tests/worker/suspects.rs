//! Runs whose workers died twice: they recover beside each other, half of them at a time, and hold up no others.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use piton::{Resource, Result, Worker, WorkerBuilder, WorkflowContext, function, workflow};
use piton_shared::state::RunState;
use tokio::sync::Semaphore;

use crate::stack::{Stack, eventually};

const RUNS: u32 = 8;

/// What the functions share.
struct Room {
    executed: AtomicU32,
    most: AtomicU32,
    gate: Semaphore,
}

/// Counts a function for as long as it is there, whether it ends or is dropped.
struct Here<'a>(&'a Room);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.executed.fetch_sub(1, Ordering::SeqCst);
    }
}

#[function]
async fn pass_the_gate(room: Resource<Room>) -> Result<()> {
    let executed = room.executed.fetch_add(1, Ordering::SeqCst) + 1;
    let _here = Here(&room);
    room.most.fetch_max(executed, Ordering::SeqCst);
    if let Ok(permit) = room.gate.acquire().await {
        permit.forget();
    }
    Ok(())
}

#[function]
async fn one() -> Result<u32> {
    Ok(1)
}

#[workflow]
async fn gated(ctx: &WorkflowContext) -> Result<()> {
    Ok(ctx.step(pass_the_gate()).await?)
}

#[workflow]
async fn fresh(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(one()).await?)
}

fn builder(room: &Arc<Room>) -> WorkerBuilder {
    let builder = Worker::builder().shared_resource(Arc::clone(room));
    builder.register(pass_the_gate).register(one).register(gated).register(fresh)
}

async fn executed(room: &Room, wanted: u32) {
    let seen = async || (room.executed.load(Ordering::SeqCst) == wanted).then_some(());
    eventually(&format!("{wanted} functions at once"), seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_whose_workers_died_twice_recover_half_of_them_at_a_time() {
    let stack = Stack::start().await;
    let room = Arc::new(Room { executed: AtomicU32::new(0), most: AtomicU32::new(0), gate: Semaphore::new(0) });
    let mut worker = stack.work(builder(&room)).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(stack.begin("gated", &()).await);
    }
    for _ in 0..2 {
        executed(&room, RUNS).await;
        worker.crash().await;
        executed(&room, 0).await;
        worker = stack.work(builder(&room)).await;
    }
    room.most.store(0, Ordering::SeqCst);
    executed(&room, RUNS / 2).await;
    // A run that nobody suspects of anything goes on beside them.
    let beside = stack.begin("fresh", &()).await;
    assert_eq!(stack.result::<u32>(beside).await, 1);
    assert_eq!(room.most.load(Ordering::SeqCst), RUNS / 2, "no more than half of them are together");
    room.gate.add_permits(RUNS as usize);
    for run in runs {
        let row = stack.ended(run).await;
        assert_eq!((row.state, row.strikes), (RunState::Completed, 0), "{row:?}");
    }
    worker.stop().await;
}
