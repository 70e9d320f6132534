//! Very many runs that sleep: they cost their worker nothing, and wake once each, never early.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use piton::{Resource, Result, Worker, WorkerOptions, WorkflowContext, function, workflow};
use piton_scheduler::store::{RunFilter, Store, StoreOptions};
use piton_shared::{journal::Kind, state::RunState};

use crate::stack::{ORG, PATIENCE, Stack, eventually};

/// How many sleep; `PITON_SLEEPERS` says another number.
const SLEEPERS: u32 = 1_000;
/// Runs that the worker could hold at once: far fewer.
const SLOTS: u32 = 400;

/// Starts that wait for their commit at once.
const AT_ONCE: usize = 50;

/// How often each was woken, by its number.
struct Woken(Vec<AtomicU32>);

#[function]
async fn count(woken: Resource<Woken>, number: u32) -> Result<u32> {
    Ok(woken.0[usize::try_from(number)?].fetch_add(1, Ordering::SeqCst) + 1)
}

#[workflow]
async fn sleeps(ctx: &WorkflowContext, number: u32, millis: u64) -> Result<u32> {
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.step(count(number)).await?)
}

fn sleepers() -> u32 {
    std::env::var("PITON_SLEEPERS").map_or(SLEEPERS, |count| count.parse().expect("PITON_SLEEPERS is a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn sleeping_runs_cost_their_worker_nothing_and_wake_once_each_in_time() {
    let sleepers = sleepers();
    let stack = Stack::start().await;
    let others = [stack.another_scheduler().await, stack.another_scheduler().await];
    let store = Store::connect(&StoreOptions::new(stack.postgres.url())).await.expect("Postgres answers");
    let woken = Arc::new(Woken((0..sleepers).map(|_| AtomicU32::new(0)).collect()));
    let builder = Worker::builder().shared_resource(Arc::clone(&woken)).register(count).register(sleeps);
    let options = WorkerOptions { run_slots: NonZeroU32::new(SLOTS).expect("some"), ..stack.options() };
    let worker = stack.work_with(builder, options).await;

    // All of them sleep until about the same moment, when the last has long fallen asleep.
    let began = Instant::now();
    let wake_after = Duration::from_secs(20) + Duration::from_millis(3) * sleepers;
    let mut runs = Vec::new();
    let numbers: Vec<_> = (0..sleepers).collect();
    for numbers in numbers.chunks(AT_ONCE) {
        let asleep = wake_after.saturating_sub(began.elapsed());
        let millis = u64::try_from(asleep.as_millis()).expect("a few seconds");
        let asleep = Duration::from_millis(millis);
        let starts = numbers.iter().map(|number| (number, millis)).collect::<Vec<_>>();
        let begun = starts.iter().map(async |input| (stack.begin("sleeps", input).await, asleep));
        runs.extend(join_all(begun).await);
    }
    let total = usize::try_from(sleepers).expect("it fits");
    let runs_in = async |state| {
        let filter = RunFilter { state: Some(state), ..RunFilter::default() };
        Some(store.runs(&ORG, &filter, sleepers + 1).await.ok()?.len())
    };
    let all_sleep = async || {
        let asleep = runs_in(RunState::Suspended).await?;
        let workers = store.workers_list(&ORG, 10).await.ok()?;
        let [only] = workers.as_slice() else { panic!("{workers:?}") };
        // What the worker says of itself, and what it is said to hold.
        (asleep == total && only.free_runs.unsigned_abs() == SLOTS && only.held == 0).then_some(())
    };
    eventually("all to sleep, and the worker to hold nothing", all_sleep).await;
    println!("{sleepers} runs asleep after {:?}, to wake after {wake_after:?}", began.elapsed());
    assert!(woken.0.iter().all(|count| count.load(Ordering::SeqCst) == 0), "one woke before all slept");

    let until = began + wake_after + PATIENCE * (1 + sleepers / SLEEPERS);
    while runs_in(RunState::Completed).await != Some(total) {
        assert!(Instant::now() < until, "they do not all wake and end: {:?}", runs_in(RunState::Suspended).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("all woke and ended by {:?}", began.elapsed());
    // On a machine where a grant is on its way for seconds it is taken for lost, and its run is given again: an attempt more,
    // which may call the function once more. In two attempts, one that fell asleep and one that woke, it is called once.
    for (number, (run, asleep)) in runs.iter().enumerate() {
        let row = stack.ended(*run).await;
        assert_eq!(row.state, RunState::Completed, "{row:?}");
        let calls = woken.0[number].load(Ordering::SeqCst);
        let attempts = row.attempts;
        assert!((1..attempts).contains(&calls), "{calls} calls in {attempts} attempts, of which the first fell asleep");
        let told = store.journal_outside(*run, 0, 10).await.expect("read");
        let [row] = told.as_slice() else { panic!("not one row from outside: {told:?}") };
        assert_eq!(row.kind, Kind::Sleep);
        let slept = row.finished_at.since(row.started_at);
        assert!(slept >= *asleep, "woken after {slept:?} of {asleep:?}");
    }
    worker.stop().await;
    for scheduler in others {
        scheduler.shutdown().await;
    }
    store.close().await;
}
