//! Tasks of a newer build: left to a worker that can read them.

use piton::{Result, Worker, WorkflowContext, workflow};
use piton_scheduler::server::DirectGrants;
use piton_shared::{
    ids::{Epoch, RunId},
    message::{dispatch::DispatchId, envelope, task::RunTask},
    name::Queue,
};
use piton_transport::{Bus, BusOptions, WorkOptions, WorkStream};

use crate::stack::{ORG, Stack, eventually};

#[workflow]
async fn nothing(_ctx: &WorkflowContext) -> Result<u32> {
    Ok(7)
}

#[tokio::test]
async fn a_task_of_a_newer_build_is_not_destroyed() {
    let stack = Stack::start_with(DirectGrants::Off).await;
    let worker = stack.work(Worker::builder().register(nothing)).await;
    let bus = Bus::connect(BusOptions::new(stack.nats.url(), "newer")).await.expect("NATS answers");
    let runs = WorkStream::ensure(&bus, WorkOptions::default()).await.expect("the stream is there");
    let steps = WorkStream::ensure_steps(&bus, WorkOptions::default()).await.expect("the stream is there");
    let run = RunId::new(piton::Uuid::nil());
    let dispatch = DispatchId { run, key: piton::StepKey::new("a#1"), item: 0 };
    let mut newer = envelope::seal(&RunTask { run, epoch: Epoch(1) }).expect("it is small");
    newer[5] = 9;
    for subject in [
        bus.subjects().run(&ORG, &Queue::DEFAULT, None, run),
        bus.subjects().step(&ORG, &Queue::DEFAULT, None, &dispatch),
    ] {
        bus.publish_raw(&subject, newer.clone()).await.expect("it is sent");
    }
    bus.flush().await.expect("the connection stands");
    // Given back, each is delivered again: the second time says what became of the first.
    let seen = async || {
        let run = runs.consumer_progress(&ORG, &Queue::DEFAULT, None).await.ok()?;
        let step = steps.consumer_progress(&ORG, &Queue::DEFAULT, None).await.ok()?;
        (run.delivered_sequence > 0 && step.delivered_sequence > 0).then_some(())
    };
    eventually("both to be delivered", seen).await;
    // What comes after them is worked on, and by then they would have been acknowledged.
    let result: u32 = stack.result(stack.begin("nothing", &()).await).await;
    assert_eq!(result, 7);
    let kept = async || {
        let gone = (runs.depth().await.ok()?, steps.depth().await.ok()?);
        (gone == (1, 1)).then_some(())
    };
    eventually("both to lie in their streams, and nothing else", kept).await;
    worker.stop().await;
}
