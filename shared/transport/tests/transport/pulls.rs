//! Pulling tasks.

use std::{future::pending, time::Duration};

use piton_shared::{
    message::{envelope::EnvelopeError, task::RunTask},
    name::{Build, Org, Queue},
};
use piton_transport::{PullError, Puller};

use crate::{
    server::{NatsServer, PATIENCE},
    tasks::{addressed, stream_and_consumer, task},
};

async fn pull_all(puller: &mut Puller, expected: usize) -> Vec<RunTask> {
    let mut tasks = Vec::new();
    while tasks.len() < expected {
        let pulled = puller.pull(expected, PATIENCE, pending()).await.expect("pulled");
        assert!(!pulled.is_empty(), "only {} of {expected} came", tasks.len());
        for delivery in pulled {
            delivery.ack().await.expect("connected");
            tasks.push(delivery.task.expect("a task"));
        }
    }
    tasks
}

#[tokio::test]
async fn a_batch_is_published_and_pulled_once() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    // More than one window of publishes.
    let tasks: Vec<RunTask> = (0..3000).map(|epoch| task((epoch % 200) as u8, epoch)).collect();
    let batch = tasks.iter().map(|task| addressed(&bus, None, task.clone())).collect();
    let numbers: Vec<u64> = stream.publish(batch).await.into_iter().map(|done| done.expect("published")).collect();
    assert!(numbers.into_iter().eq(1..=3000), "in their order");
    assert_eq!(stream.depth().await, Ok(3000));

    let mut puller = Puller::open(&bus, consumer).await.expect("connected");
    assert!(pull_all(&mut puller, 3000).await == tasks, "in their order");
    bus.flush().await.expect("connected");
    let gone = async {
        while stream.depth().await != Ok(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("acknowledged tasks leave the queue");
    puller.close().await;
}

#[tokio::test]
async fn a_waiting_pull_is_served_at_once_and_an_idle_one_ends() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    let mut puller = Puller::open(&bus, consumer).await.expect("connected");
    let idle = puller.pull(10, Duration::from_millis(50), pending()).await.expect("pulled");
    assert!(idle.is_empty());

    let publishing = async {
        let org = (&Org::DEFAULT, &Queue::DEFAULT);
        while stream.consumer_progress(org.0, org.1, None).await.expect("there").waiting == 0 {
            tokio::task::yield_now().await;
        }
        stream.publish(vec![addressed(&bus, None, task(1, 1))]).await
    };
    let (pulled, published) = tokio::join!(puller.pull(10, PATIENCE, pending()), publishing);
    let pulled = pulled.expect("pulled");
    assert_eq!(published, vec![Ok(pulled[0].sequence)]);
    assert_eq!(pulled[0].task, Ok(task(1, 1)));
    assert_eq!(pulled[0].delivered_count, 1);
}

#[tokio::test]
async fn a_cancelled_pull_loses_nothing() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    let mut puller = Puller::open(&bus, &*consumer).await.expect("connected");
    let nothing = puller.pull(10, PATIENCE, async {}).await.expect("cancelled");
    assert!(nothing.is_empty());
    for done in stream.publish(vec![addressed(&bus, None, task(1, 1))]).await {
        done.expect("published");
    }
    // The cancelled pull still waits at the server and gets it; the next one hands it out.
    let pulled = puller.pull(1, PATIENCE, pending()).await.expect("pulled");
    assert_eq!(pulled[0].task, Ok(task(1, 1)));
    pulled[0].ack().await.expect("connected");

    let nothing = puller.pull(10, PATIENCE, async {}).await.expect("cancelled");
    assert!(nothing.is_empty());
    for done in stream.publish(vec![addressed(&bus, None, task(2, 1))]).await {
        done.expect("published");
    }
    // And one that is never asked for again is given back by closing, long before its `ack_wait`.
    puller.close().await;
    let mut other = Puller::open(&bus, consumer).await.expect("connected");
    let pulled = other.pull(1, PATIENCE, pending()).await.expect("pulled");
    assert_eq!(pulled[0].task, Ok(task(2, 1)));
}

#[tokio::test]
async fn what_is_given_back_goes_to_another() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    for done in stream.publish(vec![addressed(&bus, None, task(1, 1))]).await {
        done.expect("published");
    }
    let mut one = Puller::open(&bus, &*consumer).await.expect("connected");
    let mut other = Puller::open(&bus, consumer).await.expect("connected");
    let pulled = one.pull(1, PATIENCE, pending()).await.expect("pulled");
    pulled[0].give_back().await.expect("connected");
    let again = other.pull(1, PATIENCE, pending()).await.expect("pulled");
    assert_eq!((again[0].task.clone(), again[0].delivered_count), (Ok(task(1, 1)), 2));
}

#[tokio::test]
async fn each_consumer_gets_its_queue_and_build_only() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, any) = stream_and_consumer(&bus).await;
    let build = Build::new("b1").expect("valid");
    let bound = stream.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, Some(&build)).await;
    let batch = vec![
        addressed(&bus, None, task(1, 1)),
        addressed(&bus, Some(&build), task(2, 1)),
        addressed(&bus, None, task(3, 1)),
    ];
    assert_eq!(stream.publish(batch).await, vec![Ok(1), Ok(2), Ok(3)]);
    let mut any = Puller::open(&bus, any).await.expect("connected");
    assert_eq!(pull_all(&mut any, 2).await, vec![task(1, 1), task(3, 1)]);
    let mut bound = Puller::open(&bus, bound.expect("a consumer")).await.expect("connected");
    assert_eq!(pull_all(&mut bound, 1).await, vec![task(2, 1)]);
}

#[tokio::test]
async fn what_is_no_task_is_delivered_as_such() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (_, consumer) = stream_and_consumer(&bus).await;
    let subject = addressed(&bus, None, task(1, 1)).subject;
    bus.publish_raw(&subject, b"not ours".to_vec()).await.expect("sent");
    let mut puller = Puller::open(&bus, consumer).await.expect("connected");
    let pulled = puller.pull(1, PATIENCE, pending()).await.expect("pulled");
    assert_eq!(pulled[0].task, Err(EnvelopeError::Foreign));
    pulled[0].ack().await.expect("connected");
}

#[tokio::test]
async fn a_consumer_deleted_between_two_pulls_is_missed() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let (_, consumer) = stream_and_consumer(&bus).await;
    let mut puller = Puller::open(&bus, &*consumer).await.expect("connected");
    let short = Duration::from_millis(300);
    let idle = puller.pull(1, short, pending()).await.expect("pulled");
    assert!(idle.is_empty());
    let client = async_nats::connect(server.url()).await.expect("the server runs");
    let jetstream = async_nats::jetstream::new(client);
    let deleted = jetstream.delete_consumer_from_stream(&consumer, "piton-runs").await;
    deleted.expect("deleted");
    // 2.9 does not answer such a pull at all.
    let pulled = puller.pull(1, short, pending()).await.map(|tasks| tasks.len());
    assert_eq!(pulled, Err(PullError::Missing { consumer }));
}
