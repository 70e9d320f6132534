//! Work that is given away: fan-outs over several workers.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use piton::{Resource, Result, Worker, WorkerBuilder, WorkerOptions, WorkflowContext, function, workflow};
use piton_shared::{ids::RunId, state::RunState};
use tokio::sync::Semaphore;

use crate::stack::{ORG, PATIENCE, Stack, eventually};

/// Counts what begins; nothing ends before it may.
struct Gate {
    begun: AtomicU32,
    open: Semaphore,
}

impl Gate {
    fn closed() -> Arc<Self> {
        Arc::new(Self { begun: AtomicU32::new(0), open: Semaphore::new(0) })
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }

    async fn wait_for(&self, begun: u32) {
        eventually(&format!("{begun} functions to begin"), async || (self.begun() >= begun).then_some(())).await;
    }
}

#[function]
async fn pass(gate: Resource<Gate>, number: u32) -> Result<u32> {
    gate.begun.fetch_add(1, Ordering::SeqCst);
    let _passed = gate.open.acquire().await?;
    Ok(number * 2)
}

#[workflow]
async fn fan_out(ctx: &WorkflowContext, branches: u32) -> Result<u32> {
    let values = ctx.parallel((0..branches).map(pass).collect::<Vec<_>>()).await?;
    Ok(values.into_iter().sum())
}

fn builder(gate: &Arc<Gate>) -> WorkerBuilder {
    Worker::builder().shared_resource(Arc::clone(gate)).register(pass).register(fan_out)
}

fn slots(stack: &Stack, runs: u32, steps: u32) -> WorkerOptions {
    let slots = |number| NonZeroU32::new(number).expect("some");
    WorkerOptions { run_slots: slots(runs), step_slots: slots(steps), ..stack.options() }
}

/// The workers that executed the run's steps.
async fn executors(stack: &Stack, run: RunId) -> BTreeSet<String> {
    let rows = stack.engine.store().journal_outside(run, 0, 100).await.expect("Postgres answers");
    rows.iter().map(|row| row.worker.expect("somebody executed it").to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_out_is_executed_by_every_worker_that_has_room() {
    let stack = Stack::start().await;
    let gate = Gate::closed();
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(stack.work_with(builder(&gate), slots(&stack, 10, 1)).await);
    }
    let run = stack.begin("fan_out", &3_u32).await;
    // Each has one slot, so three at a time are three workers.
    gate.wait_for(3).await;
    gate.open.add_permits(3);
    assert_eq!(stack.result::<u32>(run).await, 6);
    assert_eq!(executors(&stack, run).await.len(), 3);
    assert_eq!(gate.begun(), 3, "each once");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_executed_goes_to_others() {
    let stack = Stack::start().await;
    let (doomed_gate, gate) = (Gate::closed(), Gate::closed());
    let doomed = stack.work_with(builder(&doomed_gate), slots(&stack, 10, 4)).await;
    let run = stack.begin("fan_out", &4_u32).await;
    doomed_gate.wait_for(4).await;
    doomed.crash().await;
    gate.open.add_permits(4);
    let heir = stack.work(builder(&gate)).await;
    assert_eq!(stack.result::<u32>(run).await, 12);
    assert_eq!(gate.begun(), 4);
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_memory_while_its_fan_out_goes_on_and_is_resumed_elsewhere() {
    let stack = Stack::start().await;
    let gate = Gate::closed();
    let first = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    let run = stack.begin("fan_out", &1_u32).await;
    gate.wait_for(1).await;
    stack.reaches(run, RunState::Suspended).await;

    let second = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    gate.open.add_permits(1);
    assert_eq!(stack.result::<u32>(run).await, 0);
    assert_eq!(gate.begun(), 1, "what is open elsewhere is waited for");
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_worker_reports_what_it_executes_and_returns_the_rest() {
    let stack = Stack::start().await;
    let gate = Gate::closed();
    let leaving = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    let run = stack.begin("fan_out", &2_u32).await;
    gate.wait_for(1).await;
    let stopping = tokio::spawn(leaving.stop());
    let heir = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    gate.wait_for(2).await;
    gate.open.add_permits(2);
    stopping.await.expect("it leaves in time");
    assert_eq!(stack.result::<u32>(run).await, 2);
    assert_eq!(gate.begun(), 2, "what ran when the worker was told to stop was not executed again");
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_begins_nothing_and_goes_on_where_it_was() {
    let stack = Stack::start().await;
    let gate = Gate::closed();
    let worker = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    let run = stack.begin("fan_out", &3_u32).await;
    gate.wait_for(1).await;
    stack.engine.pause(run, &ORG, PATIENCE).await.expect("it is paused").expect("it is there");
    gate.open.add_permits(3);
    // What was under way ends and is journaled; a run that is not paused passes by.
    let other = stack.begin("fan_out", &1_u32).await;
    assert_eq!(stack.result::<u32>(other).await, 0);
    assert_eq!(gate.begun(), 2, "one that was under way, and the other run's");
    assert_eq!(executors(&stack, run).await.len(), 1);
    stack.engine.resume(run, &ORG).await.expect("it goes on").expect("it is there");
    assert_eq!(stack.result::<u32>(run).await, 6);
    assert_eq!(gate.begun(), 4);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_takes_its_fan_out_with_it() {
    let stack = Stack::start().await;
    let gate = Gate::closed();
    let worker = stack.work_with(builder(&gate), slots(&stack, 10, 1)).await;
    let run = stack.begin("fan_out", &3_u32).await;
    gate.wait_for(1).await;
    stack.engine.kill(run, &ORG, PATIENCE).await.expect("it is killed");
    assert_eq!(stack.ended(run).await.state, RunState::Killed);
    // The slot is free again: what nobody waits for was dropped.
    gate.open.add_permits(1);
    let other = stack.begin("fan_out", &1_u32).await;
    assert_eq!(stack.result::<u32>(other).await, 0);
    assert_eq!(gate.begun(), 2, "one of the killed run, one of the other");
    worker.stop().await;
}
