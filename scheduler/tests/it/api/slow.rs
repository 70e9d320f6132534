//! Who takes too long: clients that send slowly, and answers that do not come. On a real socket, with short times.

use std::{net::SocketAddr, time::Duration};

use piton_scheduler::api::Times;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Answer, House, PATIENCE, answer, until};

const START: &str = "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
const SHORT: Duration = Duration::from_millis(200);

/// Sends this and nothing more, and reads until the server closes the connection.
async fn said(address: SocketAddr, begun: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the door is open");
    stream.write_all(begun.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, reading).await.expect("the server ends it").expect("the answer is text");
    answer
}

/// Reads an answer that is a problem.
fn problem(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    serde_json::from_str(body).expect("a problem is JSON")
}

#[tokio::test]
async fn a_slow_body_is_408_and_a_slow_head_is_cut() {
    let times = Times { body: SHORT, head: SHORT, ..Times::default() };
    let house = House::within("slow_body", times).await;
    for begun in [
        format!("{START}content-length: 100\r\n\r\n"),
        format!("{START}content-length: 100\r\n\r\n{{\"workflow\""),
        format!("{START}transfer-encoding: chunked\r\n\r\n8\r\n{{\"workfl"),
    ] {
        let told = said(house.door.address, &begun).await;
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        let problem = problem(&told);
        assert_eq!(problem["code"], "body_timeout");
        assert_eq!(problem["detail"], "the body had not arrived after 200ms; nothing was done: send it again");
    }
    for begun in ["", "POST /v1/ru", START] {
        let told = said(house.door.address, begun).await;
        assert!(!told.contains(" 200 ") && !told.contains(" 201 "), "{told}");
    }
    assert_eq!(house.door.get("/v1/runs").await.body["runs"], json!([]), "nothing was started");
    house.finish().await;
}

/// Each byte comes in time, and yet the whole does not.
#[tokio::test]
async fn a_body_that_trickles_is_408() {
    let house = House::within("slow_trickle", Times { body: SHORT, ..Times::default() }).await;
    let stream = TcpStream::connect(house.door.address).await.expect("the door is open");
    let (mut reading, mut writing) = stream.into_split();
    let trickling = tokio::spawn(async move {
        let head = format!("{START}content-length: 4000000\r\n\r\n");
        let mut sent = writing.write_all(head.as_bytes()).await;
        let mut every = tokio::time::interval(Duration::from_millis(5));
        while sent.is_ok() {
            every.tick().await;
            sent = writing.write_all(b" ").await;
        }
    });
    let mut told = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, reading.read(&mut told)).await.expect("it is answered");
    told.truncate(read.expect("an answer"));
    let told = String::from_utf8(told).expect("the answer is text");
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    assert_eq!(problem(&told)["code"], "body_timeout");
    drop(reading);
    tokio::time::timeout(PATIENCE, trickling).await.expect("the connection ends").expect("it does not panic");
    house.finish().await;
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_504_and_the_next_is_given() {
    let house = House::within("slow_answer", Times { answer: SHORT, ..Times::default() }).await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let mut locking = house.database.pool.begin().await.expect("a transaction begins");
    let lock = include_str!("../sql/lock_run.sql");
    sqlx::query(lock).bind(run.uuid()).execute(&mut *locking).await.expect("the run is locked");
    let path = format!("/v1/runs/{run}/cancel");
    let refused = house.door.post(&path, &json!({})).await;
    assert_eq!(refused.brief(), "504 timed_out");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!(refused.text("detail").contains("whether the request took effect is not known"), "{:#}", refused.body);
    locking.rollback().await.expect("the lock is given back");
    let done = |answer: &Answer| answer.brief() == "200";
    let cancelled = until(async || answer(house.door.request(Method::POST, &path)).await, done).await;
    assert_eq!(cancelled.text("outcome"), "cancelled");
    house.finish().await;
}
