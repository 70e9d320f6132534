//! Whoever knows one address and sends slowly holds up nobody at another.

use std::time::Duration;

use piton_scheduler::api::Times;
use piton_webhook::Scheme;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Hook;
use crate::api::{House, PATIENCE, until};

async fn slowly(house: &House, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.door.address).await.expect("the door is open");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_at_one_endpoint_leave_places_for_another() {
    let times = Times { requests: Some(4), hook_body: PATIENCE * 2, ..Times::default() };
    let house = House::within("hook_slow", times).await;
    let [attacked, other] =
        [Hook::make(&house, "a", Scheme::Stripe).await, Hook::make(&house, "b", Scheme::Stripe).await];
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(slowly(&house, &attacked.path).await);
    }
    until(async || attacked.payment("evt_1").send(&house.door).await, |answer| answer.status == 503).await;
    let sent = until(async || other.payment("evt_2").send(&house.door).await, |answer| answer.status == 200).await;
    assert_eq!(sent.text("outcome"), "accepted");
    assert_eq!(attacked.payment("evt_3").send(&house.door).await.brief(), "503 overloaded", "its share is taken still");
    drop(slow);
    house.finish().await;
}

#[tokio::test]
async fn a_hook_waits_for_its_body_for_seconds_only() {
    let times = Times { hook_body: Duration::from_millis(200), ..Times::default() };
    let house = House::within("hook_slow_body", times).await;
    let hook = Hook::make(&house, "a", Scheme::Stripe).await;
    let mut stream = slowly(&house, &hook.path).await;
    let mut told = String::new();
    let reading = stream.read_to_string(&mut told);
    tokio::time::timeout(PATIENCE, reading).await.expect("the server ends it").expect("the answer is text");
    assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("body_timeout"), "{told}");
    assert!(Times::default().hook_body <= Duration::from_secs(5));
    house.finish().await;
}
