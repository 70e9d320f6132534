//! NATS, Postgres and schedulers that go away and come back.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use piton::{Resource, Result, Worker, WorkflowContext, function, workflow};
use piton_scheduler::server::DirectGrants;
use piton_shared::{name::Queue, subject::Subjects};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::Semaphore,
};

use crate::stack::{ORG, PATIENCE, Stack, eventually};

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

/// Consumers of queues that nobody serves are deleted by the server. One that goes under a worker is made again, and what
/// was published meanwhile is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_deleted_and_runs_go_on() {
    let stack = Stack::start_with(DirectGrants::Off).await;
    let gate = Arc::new(Semaphore::new(1000));
    let worker = stack.work(builder(&gate)).await;
    let first = stack.begin("gated", &1).await;
    stack.result::<u32>(first).await;
    let consumer = Subjects::run_consumer(&ORG, &Queue::DEFAULT, None);
    let stream = Subjects::default().run_stream();
    let deleted = ask(&stack.nats.url(), &format!("$JS.API.CONSUMER.DELETE.{stream}.{consumer}")).await;
    assert!(deleted.contains("\"success\":true"), "{deleted}");
    for run in [stack.begin("gated", &2).await, stack.begin("gated", &1).await] {
        stack.result::<u32>(run).await;
    }
    worker.stop().await;
}

/// Asks the server something, as anybody may who speaks its protocol, and reads the answer.
async fn ask(url: &str, subject: &str) -> String {
    let address = url.strip_prefix("nats://").expect("a URL of ours");
    let stream = TcpStream::connect(address).await.expect("the server runs");
    let (reading, mut writing) = stream.into_split();
    let asked = format!("CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer 0\r\n\r\n");
    writing.write_all(asked.as_bytes()).await.expect("it is sent");
    let mut lines = BufReader::new(reading).lines();
    let mut answer = String::new();
    let hearing = async {
        while !answer.starts_with('{') {
            answer = lines.next_line().await.expect("the server speaks text").expect("the server answers");
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.expect("it answers in time");
    answer
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
