//! Requests, answers, hints.

use std::time::Duration;

use piton_shared::{
    limits,
    message::{
        Answer, Refusal,
        envelope::{self, EnvelopeError},
    },
};
use piton_transport::{Bus, BusOptions, ConnectError, Credentials, Inbox, RequestError, SendError};

use crate::server::{NatsServer, PATIENCE};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Answers one request with its number plus one.
async fn answer_one(inbox: &mut Inbox) {
    let received = inbox.next().await.expect("subscribed");
    let number: u32 = received.open().expect("a number");
    received.respond(&(number + 1)).await.expect("asked");
}

#[tokio::test]
async fn a_request_is_answered_and_carries_its_trace() {
    let server = NatsServer::start().await;
    let (asking, answering) = (server.bus().await, server.bus().await);
    let mut inbox = answering.serve("t.ask.*", Some("g")).await.expect("subscribed");
    let serving = async {
        let received = inbox.next().await.expect("subscribed");
        assert_eq!(received.subject(), "t.ask.one");
        assert_eq!(received.trace(), Some(TRACE));
        assert_eq!(received.open::<String>(), Ok("hello".to_owned()));
        received.respond(&7_u32).await.expect("asked");
        let received = inbox.next().await.expect("subscribed");
        assert_eq!(received.trace(), None);
        received.respond(&8_u32).await.expect("asked");
    };
    let asking = async {
        let first = asking.request("t.ask.one", &"hello", PATIENCE, Some(TRACE)).await;
        assert_eq!(first, Ok(7_u32));
        assert_eq!(asking.request("t.ask.two", &"hello", PATIENCE, None).await, Ok(8_u32));
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn nobody_listening_is_known_at_once() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let asked = bus.request::<_, u32>("t.nobody", &1, PATIENCE, None).await;
    assert_eq!(asked, Err(RequestError::NoResponders { subject: "t.nobody".to_owned() }));
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let _silent = bus.serve("t.silent", None).await.expect("subscribed");
    let after = Duration::from_millis(30);
    let asked = bus.request::<_, u32>("t.silent", &1, after, None).await;
    assert_eq!(asked, Err(RequestError::TimedOut { subject: "t.silent".to_owned(), after }));
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let large = "x".repeat(limits::MESSAGE_BYTES + 1);
    let asked = bus.request::<_, u32>("t.large", &large, PATIENCE, None).await;
    assert!(matches!(asked, Err(RequestError::TooLarge { bytes, .. }) if bytes > large.len()));
    let sent = bus.publish("t.large", &large).await;
    assert!(matches!(sent, Err(SendError::TooLarge { .. })));
    // The server's own bound, should it be smaller than ours.
    let sent = bus.publish_raw("t.large", vec![0; 2 * 1024 * 1024]).await;
    assert!(matches!(sent, Err(SendError::TooLarge { bytes, .. }) if bytes == 2 * 1024 * 1024));
}

#[tokio::test]
async fn what_is_no_subject_is_refused() {
    let server = NatsServer::start().await;
    let bus = server.bus().await;
    let sent = bus.publish("t.with space", &1).await;
    assert_eq!(sent, Err(SendError::Subject { subject: "t.with space".to_owned() }));
}

#[tokio::test]
async fn a_strangers_version_is_refused_by_name_in_both_directions() {
    let server = NatsServer::start().await;
    let (asking, answering) = (server.bus().await, server.bus().await);
    let mut inbox = answering.serve("t.ask", None).await.expect("subscribed");
    let mut stranger = envelope::seal(&1).expect("small");
    stranger[5] = 9;
    let version = EnvelopeError::Version { theirs: 9, ours: envelope::VERSION };

    let serving = async {
        let received = inbox.next().await.expect("subscribed");
        let why = received.open::<u32>().expect_err("another version");
        assert_eq!(why, version);
        received.refuse(why).await.expect("asked");
    };
    let asking_so = asking.request_raw("t.ask", stranger.clone(), PATIENCE, None);
    let ((), answer) = tokio::join!(serving, asking_so);
    let answer: Answer<u32> = envelope::open(&answer.expect("answered")).expect("ours");
    assert_eq!(answer, Answer::Refused(Refusal::Envelope(version.clone())));

    // A stranger's hint is refused without a word, for there is nobody to tell.
    asking.publish_raw("t.ask", b"GET / HTTP/1.1".to_vec()).await.expect("sent");
    let received = inbox.next().await.expect("subscribed");
    assert_eq!(received.open::<u32>(), Err(EnvelopeError::Foreign));
    assert_eq!(received.refuse(EnvelopeError::Foreign).await, Ok(()));
    assert!(matches!(received.respond(&1).await, Err(SendError::NotAsked { .. })));
}

#[tokio::test]
async fn a_group_shares_what_comes() {
    let server = NatsServer::start().await;
    let (one, other) = (server.bus().await, server.bus().await);
    let mut inboxes = [
        one.serve("t.shared", Some("g")).await.expect("subscribed"),
        other.serve("t.shared", Some("g")).await.expect("subscribed"),
    ];
    let sender = server.bus().await;
    for number in 0..100_u32 {
        sender.publish("t.shared", &number).await.expect("sent");
    }
    sender.flush().await.expect("connected");
    for inbox in &mut inboxes {
        inbox.stop().await.expect("connected");
    }
    let mut all = Vec::new();
    for inbox in &mut inboxes {
        let before = all.len();
        while let Some(received) = inbox.next().await {
            all.push(received.open::<u32>().expect("a number"));
        }
        assert!(all.len() > before, "each has some of them");
    }
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>(), "each message reached exactly one");
}

#[tokio::test]
async fn the_number_under_way_is_bounded() {
    let server = NatsServer::start().await;
    let mut options = server.options();
    options.requests_in_flight = 1;
    let asking = Bus::connect(options).await.expect("the server runs");
    let answering = server.bus().await;
    let mut inbox = answering.serve("t.ask", None).await.expect("subscribed");

    let first = asking.request::<_, u32>("t.ask", &1, PATIENCE, None);
    let second = async {
        let after = Duration::from_millis(30);
        let asked = asking.request::<_, u32>("t.ask", &2, after, None).await;
        assert_eq!(asked, Err(RequestError::Busy { subject: "t.ask".to_owned(), after }));
        answer_one(&mut inbox).await;
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first, Ok(2));
}

#[tokio::test]
async fn what_is_not_read_is_dropped_and_counted() {
    let server = NatsServer::start().await;
    let mut options = server.options();
    options.subscription_messages = 4;
    let slow = Bus::connect(options).await.expect("the server runs");
    let mut inbox = slow.serve("t.flood", None).await.expect("subscribed");
    let sender = server.bus().await;
    for number in 0..10_u32 {
        sender.publish("t.flood", &number).await.expect("sent");
    }
    sender.flush().await.expect("connected");
    // Everything sent before is at the server: once this answer is here, so are those.
    slow.flush().await.expect("connected");
    inbox.stop().await.expect("connected");
    let mut read = 0;
    while inbox.next().await.is_some() {
        read += 1;
    }
    let counted = async {
        while slow.dropped() + read < 10 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.expect("each drop is counted");
    assert_eq!((read, slow.dropped()), (4, 6));
}

#[tokio::test]
async fn a_wrong_password_is_final_and_a_right_one_serves() {
    let server = NatsServer::start_with(&["--user", "u", "--pass", "right"]).await;
    let with = |password: &str| {
        let mut options = server.options();
        let password = password.to_owned();
        options.auth.credentials = Some(Credentials::Password { user: "u".to_owned(), password });
        options
    };
    let refused = Bus::connect(with("wrong")).await.expect_err("refused");
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused:?}");
    assert!(Bus::connect(with("right")).await.is_ok());
}

#[tokio::test]
async fn nobody_there_is_said_in_time() {
    let mut options = BusOptions::new("nats://user:hush@127.0.0.1:1", "test");
    options.connect_within = Duration::from_millis(200);
    let refused = Bus::connect(options).await.expect_err("nobody listens on port 1");
    assert!(matches!(refused, ConnectError::Unreachable { .. }), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hush"));
    let refused = Bus::connect(BusOptions::new("not a url at all", "test")).await;
    assert!(matches!(refused, Err(ConnectError::Options { .. })), "{refused:?}");
}
