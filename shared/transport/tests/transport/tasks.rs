//! The stream of run tasks: publishing, pulling, looking.

use std::{future::pending, time::Duration};

use piton_shared::{
    ids::{Epoch, RunId, uuid_v7},
    journal::StepKey,
    message::{
        dispatch::{DispatchId, StepTask},
        task::RunTask,
    },
    name::{Build, Org, Queue},
};
use piton_transport::{Bus, PublishError, PullError, Puller, Task, WorkError, WorkOptions, WorkStream};

use crate::server::{NatsServer, PATIENCE, subjects};

pub(crate) fn task(number: u8, epoch: u32) -> RunTask {
    RunTask { run: RunId::new(uuid_v7(1, [number; 10])), epoch: Epoch(epoch) }
}

pub(crate) fn addressed(bus: &Bus, build: Option<&Build>, task: RunTask) -> Task {
    let subject = bus.subjects().run(&Org::DEFAULT, &Queue::DEFAULT, build, task.run);
    Task { subject, message_id: task.message_id(), task }
}

pub(crate) async fn stream_and_consumer(bus: &Bus) -> (WorkStream, String) {
    let stream = WorkStream::ensure(bus, WorkOptions::default()).await.expect("a stream");
    let consumer = stream.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, None).await;
    (stream, consumer.expect("a consumer"))
}

#[tokio::test]
async fn a_repeated_message_id_is_dropped_and_a_new_epoch_is_not() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, _) = stream_and_consumer(&bus).await;
    let publish = |task| stream.publish(vec![addressed(&bus, None, task)]);
    assert_eq!(publish(task(1, 1)).await, vec![Ok(1)]);
    assert_eq!(publish(task(1, 1)).await, vec![Ok(1)], "the number of the first");
    assert_eq!(stream.depth().await, Ok(1));
    assert_eq!(publish(task(1, 2)).await, vec![Ok(2)]);
    assert_eq!(stream.depth().await, Ok(2));
}

#[tokio::test]
async fn what_the_sweeper_looks_at() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    let progress = || async { stream.consumer_progress(&Org::DEFAULT, &Queue::DEFAULT, None).await.expect("there") };
    let (first, second) = (addressed(&bus, None, task(1, 1)), addressed(&bus, None, task(1, 2)));
    let subject = first.subject.clone();
    assert_eq!(stream.last_of(&subject).await, Ok(None));
    assert_eq!(stream.publish(vec![first, second]).await, vec![Ok(1), Ok(2)]);
    let stored = stream.last_of(&subject).await.expect("looked").expect("there");
    assert_eq!((stored.sequence, stored.task), (2, Ok(task(1, 2))));
    assert!(stored.stored_at.as_micros() > 1_700_000_000_000_000, "a time of this century");

    stream.delete(1).await.expect("deleted");
    stream.delete(1).await.expect("deleting twice is no error");
    assert_eq!((progress().await.delivered_sequence, progress().await.pending), (0, 1));
    let mut puller = Puller::open(&bus, consumer).await.expect("connected");
    let pulled = puller.pull(5, PATIENCE, pending()).await.expect("pulled");
    assert_eq!((pulled.len(), pulled[0].sequence), (1, 2));
    assert_eq!((progress().await.delivered_sequence, progress().await.ack_pending), (2, 1));
    // Deleting what was delivered takes it off the consumer as well.
    stream.delete(2).await.expect("deleted");
    assert_eq!(stream.last_of(&subject).await, Ok(None));
}

#[tokio::test]
async fn a_full_stream_says_so_and_takes_more_once_there_is_room() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let options = WorkOptions { max_tasks: 2, ..WorkOptions::default() };
    let stream = WorkStream::ensure(&bus, options).await.expect("a stream");
    let batch = (1..=3).map(|number| addressed(&bus, None, task(number, 1))).collect();
    let done = stream.publish(batch).await;
    assert_eq!(done[..2], [Ok(1), Ok(2)]);
    assert!(matches!(done[2], Err(PublishError::Full { .. })), "{:?}", done[2]);
    stream.delete(1).await.expect("deleted");
    assert!(stream.publish(vec![addressed(&bus, None, task(3, 1))]).await[0].is_ok());
}

#[tokio::test]
async fn ensuring_again_changes_what_it_may_and_names_what_it_may_not() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    stream_and_consumer(&bus).await;
    stream_and_consumer(&bus).await;
    let smaller = WorkOptions { max_tasks: 10, ..WorkOptions::default() };
    WorkStream::ensure(&bus, smaller).await.expect("a bound may change");
    // Consumers that an older build made are kept for ever, until the next worker registers.
    for consumer_idle in [Duration::ZERO, Duration::from_hours(1)] {
        let options = WorkOptions { consumer_idle, ..smaller };
        let stream = WorkStream::ensure(&bus, options).await.expect("the stream stays as it is");
        let consumer = stream.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, None).await;
        consumer.expect("the patience may change");
    }
}

#[tokio::test]
async fn a_stream_that_somebody_else_made_is_refused_by_the_field() {
    let server = NatsServer::start().await;
    let client = async_nats::connect(server.url()).await.expect("the server runs");
    let foreign = async_nats::jetstream::stream::Config {
        name: "piton-runs".to_owned(),
        subjects: vec!["piton.run.>".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(foreign).await.expect("made");
    let bus = server.bus().await;
    let refused = WorkStream::ensure(&bus, WorkOptions::default()).await.expect_err("differs");
    assert!(
        matches!(&refused, WorkError::Differs { field: "retention", wanted, found, .. }
            if wanted == "WorkQueue" && found == "Limits"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn two_installations_share_a_server() {
    let server = NatsServer::start().await;
    let mut options = server.options();
    options.subjects = subjects("other");
    let (one, other) = (server.bus().await, Bus::connect(options).await.expect("it runs"));
    let (one_stream, _) = stream_and_consumer(&one).await;
    let (other_stream, _) = stream_and_consumer(&other).await;
    assert_eq!(one_stream.publish(vec![addressed(&one, None, task(1, 1))]).await, vec![Ok(1)]);
    assert_eq!((one_stream.depth().await, other_stream.depth().await), (Ok(1), Ok(0)));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, _) = stream_and_consumer(&bus).await;
    let queue = Queue::new("other").expect("valid");
    let progress = stream.consumer_progress(&Org::DEFAULT, &queue, None).await;
    assert!(matches!(progress, Err(WorkError::NoConsumer { .. })), "{progress:?}");
    let mut puller = Puller::open(&bus, "run=default=other=any").await.expect("connected");
    let pulled = puller.pull(1, PATIENCE, pending()).await.map(|tasks| tasks.len());
    assert_eq!(pulled, Err(PullError::Missing { consumer: "run=default=other=any".to_owned() }));

    let mut options = server.options();
    options.subjects = subjects("empty");
    let bus = Bus::connect(options).await.expect("it runs");
    let mut puller = Puller::open(&bus, "run=default=default=any").await.expect("connected");
    let pulled = puller.pull(1, PATIENCE, pending()).await.map(|tasks| tasks.len());
    assert!(matches!(pulled, Err(PullError::Missing { .. })), "{pulled:?}");
}

/// A queue that nobody serves any more leaves no consumer behind; its tasks wait in the stream for who comes next.
#[tokio::test]
async fn a_consumer_that_nobody_uses_goes_and_comes_back_with_its_tasks() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let options = WorkOptions { consumer_idle: Duration::from_millis(300), ..WorkOptions::default() };
    let stream = WorkStream::ensure(&bus, options).await.expect("a stream");
    let ensure = || stream.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, None);
    let consumer = ensure().await.expect("a consumer");
    let published = stream.publish(vec![addressed(&bus, None, task(1, 1)), addressed(&bus, None, task(2, 1))]).await;
    assert_eq!(published, vec![Ok(1), Ok(2)]);
    let mut puller = Puller::open(&bus, consumer.as_str()).await.expect("connected");
    let pulled = puller.pull(1, PATIENCE, pending()).await.expect("pulled");
    pulled[0].ack().await.expect("spent");
    puller.close().await;

    let going = async {
        let progress = || stream.consumer_progress(&Org::DEFAULT, &Queue::DEFAULT, None);
        while !matches!(progress().await, Err(WorkError::NoConsumer { .. })) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, going).await.expect("the server deletes it");
    assert_eq!(stream.depth().await, Ok(1), "what was not spent stays");

    // A worker that still pulls from it is told, and whoever registers has it made again.
    let mut puller = Puller::open(&bus, consumer.as_str()).await.expect("connected");
    let missing = puller.pull(1, PATIENCE, pending()).await.expect_err("it is gone");
    assert!(matches!(missing, PullError::Missing { .. }), "{missing:?}");
    assert_eq!(ensure().await.expect("made anew"), consumer);
    let pulled = puller.pull(5, PATIENCE, pending()).await.expect("pulled");
    assert_eq!(pulled.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn dispatched_work_lies_in_a_stream_of_its_own() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (runs, _) = stream_and_consumer(&bus).await;
    let steps = WorkStream::ensure_steps(&bus, WorkOptions::default()).await.expect("a stream");
    let consumer = steps.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, None).await.expect("a consumer");
    let key = StepKey::new("parallel#1/0/a.b#1");
    let work = StepTask { dispatch: DispatchId { run: task(1, 1).run, key, item: 0 }, epoch: Epoch(1) };
    let subject = bus.subjects().step(&Org::DEFAULT, &Queue::DEFAULT, None, &work.dispatch);
    let message = Task { subject: subject.clone(), message_id: work.message_id(), task: work.clone() };
    assert_eq!(steps.publish(vec![message.clone(), message]).await, vec![Ok(1), Ok(1)]);
    assert_eq!((steps.depth().await, runs.depth().await), (Ok(1), Ok(0)));
    assert_eq!(steps.last_of(&subject).await.expect("looked").expect("there").task, Ok(work.clone()));
    let mut puller = Puller::open_steps(&bus, consumer).await.expect("a puller");
    let pulled = puller.pull(10, PATIENCE, pending()).await.expect("delivered");
    assert_eq!(pulled[0].task, Ok(work));
    pulled[0].ack().await.expect("acknowledged");
    steps.restore().await.expect("it is there");
    puller.close().await;
}
