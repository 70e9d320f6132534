//! NATS away, back, and back without its memory.

use std::future::pending;

use piton_shared::name::{Org, Queue};
use piton_transport::{
    BusState, PublishError, PullError, Puller, RequestError, SendError, WorkError, WorkOptions, WorkStream,
};

use crate::{
    server::{NatsServer, PATIENCE, until},
    tasks::{addressed, stream_and_consumer, task},
};

#[tokio::test]
async fn what_is_under_way_fails_at_once_and_works_again_after_a_restart() {
    let mut server = NatsServer::start().await;
    let (asking, answering) = (server.bus().await, server.bus().await);
    let mut inbox = answering.serve("t.ask", Some("g")).await.expect("subscribed");

    let asked = asking.request::<_, u32>("t.ask", &1, PATIENCE, None);
    let killing = async {
        inbox.next().await.expect("the request is under way");
        server.kill().await;
    };
    let (asked, ()) = tokio::join!(asked, killing);
    let lost = RequestError::Disconnected { subject: "t.ask".to_owned() };
    assert_eq!(asked, Err(lost.clone()), "long before its timeout");
    assert_eq!(asking.request::<_, u32>("t.ask", &1, PATIENCE, None).await, Err(lost));
    let sent = asking.publish("t.ask", &1).await;
    assert_eq!(sent, Err(SendError::Disconnected { subject: "t.ask".to_owned() }));
    assert!(asking.flush().await.is_err());

    until(&answering, BusState::Disconnected).await;
    server.restart().await;
    until(&asking, BusState::Connected).await;
    until(&answering, BusState::Connected).await;
    answering.flush().await.expect("the subscription is made anew");
    let asked = asking.request::<_, u32>("t.ask", &1, PATIENCE, None);
    let answering = async { inbox.next().await.expect("served").respond(&2_u32).await };
    let (asked, answered) = tokio::join!(asked, answering);
    assert_eq!((asked, answered), (Ok(2), Ok(())));
}

#[tokio::test]
async fn tasks_outlive_a_killed_server_and_pulls_go_on() {
    let mut server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    let mut puller = Puller::open(&bus, consumer).await.expect("connected");
    let killing = async {
        let queue = (&Org::DEFAULT, &Queue::DEFAULT);
        while stream.consumer_progress(queue.0, queue.1, None).await.expect("there").waiting == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stream.publish(vec![]).await, vec![]);
        server.kill().await;
    };
    let (pulled, ()) = tokio::join!(puller.pull(5, PATIENCE, pending()), killing);
    assert_eq!(pulled.map(|tasks| tasks.len()), Err(PullError::Disconnected));
    let pulled = puller.pull(5, PATIENCE, pending()).await.map(|tasks| tasks.len());
    assert_eq!(pulled, Err(PullError::Disconnected), "at once, not after a timeout");
    let done = stream.publish(vec![addressed(&bus, None, task(1, 1))]).await;
    assert_eq!(done, vec![Err(PublishError::Disconnected)]);
    assert_eq!(stream.depth().await, Err(WorkError::Disconnected));

    server.restart().await;
    until(&bus, BusState::Connected).await;
    assert!(stream.publish(vec![addressed(&bus, None, task(1, 1))]).await[0].is_ok());
    let pulled = puller.pull(5, PATIENCE, pending()).await.expect("pulled");
    assert_eq!(pulled[0].task, Ok(task(1, 1)));
}

#[tokio::test]
async fn a_wiped_server_is_noticed_by_both_sides_and_made_anew() {
    let mut server = NatsServer::start().await;
    let bus = server.bus().await;
    let (stream, consumer) = stream_and_consumer(&bus).await;
    let mut puller = Puller::open(&bus, &*consumer).await.expect("connected");
    assert!(stream.publish(vec![addressed(&bus, None, task(1, 1))]).await[0].is_ok());
    puller.pull(1, PATIENCE, pending()).await.expect("pulled");

    server.kill().await;
    until(&bus, BusState::Disconnected).await;
    server.wipe();
    server.restart().await;
    until(&bus, BusState::Connected).await;

    let done = stream.publish(vec![addressed(&bus, None, task(2, 1))]).await;
    assert!(matches!(done[0], Err(PublishError::NoStream { .. })), "{done:?}");
    assert!(matches!(stream.depth().await, Err(WorkError::NoStream { .. })));
    let looked = stream.last_of("piton.run.x").await;
    assert!(matches!(looked, Err(WorkError::NoStream { .. })), "{looked:?}");
    assert!(matches!(stream.delete(1).await, Err(WorkError::NoStream { .. })));
    let progress = stream.consumer_progress(&Org::DEFAULT, &Queue::DEFAULT, None).await;
    assert!(matches!(progress, Err(WorkError::NoStream { .. })), "{progress:?}");
    let pulled = puller.pull(1, PATIENCE, pending()).await.map(|tasks| tasks.len());
    assert_eq!(pulled, Err(PullError::Missing { consumer }));

    WorkStream::ensure(&bus, WorkOptions::default()).await.expect("made anew");
    stream.ensure_consumer(&Org::DEFAULT, &Queue::DEFAULT, None).await.expect("made anew");
    assert_eq!(stream.publish(vec![addressed(&bus, None, task(2, 1))]).await, vec![Ok(1)]);
    let pulled = puller.pull(1, PATIENCE, pending()).await.expect("pulled");
    assert_eq!((pulled[0].task.clone(), pulled[0].delivered_count), (Ok(task(2, 1)), 1));
}
