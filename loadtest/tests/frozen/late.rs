//! Grants that are held back on their way to a worker, and come when their work was given anew, is done, or still waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fail::FailScenario;
use parking_lot::Mutex;
use piton::{FunctionContext, Resource, Result, Worker, WorkerBuilder, WorkflowContext, function, workflow};
use piton_shared::{ids::RunId, limits, message::wake::ToWorker, subject::Subjects};
use piton_transport::{Bus, BusOptions, Inbox};

use crate::{
    PATIENCE, set,
    stack::{ORG, Running, Stack, eventually},
};

/// What was executed: its key, and (epoch, try).
#[derive(Default)]
struct Executed {
    calls: Mutex<Vec<(String, u32, u32)>>,
    now: AtomicU32,
    most: AtomicU32,
}

#[function]
async fn note(ctx: &FunctionContext, executed: Resource<Executed>, number: u32) -> Result<u32> {
    let now = executed.now.fetch_add(1, Ordering::SeqCst) + 1;
    executed.most.fetch_max(now, Ordering::SeqCst);
    executed.calls.lock().push((ctx.step_key().to_string(), ctx.epoch().0, ctx.try_number()));
    tokio::task::yield_now().await;
    executed.now.fetch_sub(1, Ordering::SeqCst);
    Ok(number + 1)
}

#[workflow]
async fn in_sequence(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(note(1)).await?)
}

#[workflow]
async fn given_away(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.parallel(vec![note(1)]).await?.into_iter().sum())
}

#[workflow]
async fn in_a_batch(ctx: &WorkflowContext) -> Result<u32> {
    let result = ctx.batch(std::iter::once(note(1))).max_concurrency(1).await?;
    Ok(result.stats.completed + 1)
}

/// Waits for its step as long as a grant is good, and not much longer.
#[workflow]
async fn impatient(ctx: &WorkflowContext) -> Result<u32> {
    let tired = ctx.branch("tired", async |ctx: WorkflowContext| {
        ctx.sleep(limits::GRANT_VALID + Duration::from_millis(100)).await?;
        Ok(2_u32)
    });
    match ctx.race((note(1), tired)).await? {
        piton::Race2::First(value) | piton::Race2::Second(value) => Ok(value),
    }
}

fn builder(executed: &Arc<Executed>) -> WorkerBuilder {
    Worker::builder()
        .shared_resource(Arc::clone(executed))
        .register(note)
        .register(in_sequence)
        .register(given_away)
        .register(in_a_batch)
        .register(impatient)
}

/// A worker, and what is said to it.
struct Overheard {
    stack: Stack,
    worker: Running,
    bus: Bus,
    subject: String,
    said: Inbox,
    executed: Arc<Executed>,
}

impl Overheard {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let executed = Arc::new(Executed::default());
        let worker = stack.work(builder(&executed)).await;
        let row = async || stack.engine.store().workers_list(&ORG, 10).await.ok()?.into_iter().next();
        let first = eventually("the worker to register", row).await;
        let bus = Bus::connect(BusOptions::new(stack.nats.url(), "overhears")).await.expect("NATS answers");
        let subject = Subjects::default().worker(&ORG, first.worker);
        let said = bus.serve(&subject, None).await.expect("NATS answers");
        bus.flush().await.expect("NATS answers");
        let overheard = Self { stack, worker, bus, subject, said, executed };
        // Whoever places work knows of the room here once a second heartbeat is written.
        overheard.beats_for(Duration::from_nanos(1)).await;
        overheard.beats_for(Duration::from_nanos(1)).await;
        overheard
    }

    /// Waits until the database has a heartbeat that is so much later than the last one.
    async fn beats_for(&self, later: Duration) {
        let beat_at = async || {
            let rows = self.stack.engine.store().workers_list(&ORG, 10).await.ok()?;
            rows.into_iter().next().map(|row| row.beat_at)
        };
        let first = eventually("a heartbeat", beat_at).await;
        eventually("later heartbeats", async || (beat_at().await?.since(first) >= later).then_some(())).await;
    }

    /// Begins a run and holds back its first grant of this kind; those after it are heard.
    async fn held_back(&mut self, workflow: &str, lost: &str) -> (RunId, ToWorker) {
        set(lost, "1*return->off");
        let run = self.stack.begin(workflow, &()).await;
        let grant = loop {
            let said = tokio::time::timeout(PATIENCE, self.said.next()).await.expect("it is granted");
            let message = said.expect("NATS is there").open().expect("it reads");
            let of_the_run = match &message {
                ToWorker::Granted { grants, .. } => lost == RUNS && grants.iter().any(|grant| grant.run == run),
                ToWorker::GrantedSteps { grants, .. } => grants.iter().any(|grant| grant.dispatch.run == run),
                ToWorker::Wake { .. }
                | ToWorker::DropRun { .. }
                | ToWorker::DropSteps { .. }
                | ToWorker::Control(_) => false,
            };
            if of_the_run {
                break message;
            }
        };
        (run, grant)
    }

    /// Says to the worker what was held back, and waits until it was heard.
    async fn say(&self, message: &ToWorker) {
        self.bus.publish(&self.subject, message).await.expect("NATS answers");
        self.bus.flush().await.expect("NATS answers");
        // What is said later is heard later: a run, and a step of another.
        for workflow in ["in_sequence", "given_away"] {
            let after = self.stack.begin(workflow, &()).await;
            assert_eq!(self.stack.result::<u32>(after).await, 2);
        }
    }

    fn calls(&self) -> Vec<(String, u32, u32)> {
        self.executed.calls.lock().clone()
    }
}

const RUNS: &str = "worker::grants-lost";
const STEPS: &str = "worker::step-grants-lost";
const CASES: [(&str, &str); 3] = [("in_sequence", RUNS), ("given_away", STEPS), ("in_a_batch", STEPS)];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_that_comes_after_its_work_was_given_anew_begins_nothing() {
    let scenario = FailScenario::setup();
    let mut overheard = Overheard::start().await;
    for (workflow, lost) in CASES {
        overheard.executed.calls.lock().clear();
        let (run, late) = overheard.held_back(workflow, lost).await;
        // The worker says that it knows nothing of it, and gets the same again under another hold.
        assert_eq!(overheard.stack.result::<u32>(run).await, 2);
        let calls = overheard.calls();
        assert!(matches!(calls[..], [(_, 2, 1)]), "{workflow}: {calls:?}");
        overheard.say(&late).await;
        let after = overheard.calls().split_off(1);
        assert_eq!(after.len(), 2, "{workflow}: what came late has begun: {after:?}");
    }
    assert_eq!(overheard.executed.most.load(Ordering::SeqCst), 1);
    overheard.worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_of_a_step_that_is_waited_for_no_more_begins_nothing() {
    let scenario = FailScenario::setup();
    let mut overheard = Overheard::start().await;
    // The worker hears neither that the step was withdrawn nor the question whether it holds it.
    set("worker::drops-lost", "return");
    set("worker::holding-lost", "return");
    let (run, late) = overheard.held_back("impatient", STEPS).await;
    assert_eq!(overheard.stack.result::<u32>(run).await, 2);
    assert_eq!(overheard.calls(), []);
    overheard.say(&late).await;
    let calls = overheard.calls();
    assert_eq!(calls.len(), 2, "what came late has begun: {calls:?}");
    overheard.worker.stop().await;
    scenario.teardown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_that_comes_late_and_still_stands_is_claimed_again() {
    let scenario = FailScenario::setup();
    let mut overheard = Overheard::start().await;
    // Nothing is given to another.
    set("worker::holding-lost", "return");
    for (workflow, lost) in CASES {
        overheard.executed.calls.lock().clear();
        let (run, late) = overheard.held_back(workflow, lost).await;
        overheard.beats_for(limits::GRANT_VALID).await;
        assert_eq!(overheard.calls(), []);
        overheard.bus.publish(&overheard.subject, &late).await.expect("NATS answers");
        assert_eq!(overheard.stack.result::<u32>(run).await, 2);
        let calls = overheard.calls();
        assert!(matches!(calls[..], [(_, 1, 1)]), "{workflow}: {calls:?}");
    }
    overheard.worker.stop().await;
    scenario.teardown();
}
