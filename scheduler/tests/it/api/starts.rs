use futures::future::join_all;
use piton_shared::message::append::Next;
use reqwest::Method;
use serde_json::json;

use super::{House, PATIENCE, answer, assert_shape};
use crate::making::payload;

#[tokio::test]
async fn a_start_is_answered_with_the_run_and_where_it_is() {
    let house = House::new("start").await;
    house.database.worker().await;
    let started = house.door.start(&json!({ "workflow": "order", "input": {"amount": 3} })).await;
    assert_shape!(started.body);
    assert_eq!(started.headers["location"], format!("/v1/runs/{}", started.id()));
    let found = house.door.get(&started.headers["location"]).await;
    assert_eq!(found.status, 200);
    assert_shape!(found.body);
    house.finish().await;
}

#[tokio::test]
async fn everything_that_is_asked_for_is_kept() {
    let house = House::new("start_all").await;
    let asked = json!({
        "workflow": "billing.charge", "input": [1, null, "ü"], "queue": "gpu", "build": "v7", "session_id": "s 1",
        "tags": ["vip", "e u"], "delay": "1h",
    });
    let request = house.door.request(Method::POST, "/v1/runs").json(&asked);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let started = answer(request.header("traceparent", trace).header("x-request-id", "mine-1")).await;
    assert_eq!(started.headers["x-request-id"], "mine-1");
    let found = house.door.get(&format!("/v1/runs/{}", started.id())).await.body;
    for name in ["workflow", "input", "queue", "build", "session_id", "tags"] {
        assert_eq!(found[name], asked[name], "{name}");
    }
    assert_eq!(found["state"], "backlog");
    assert_eq!(house.database.row(started.id()).await.trace.as_deref(), Some(trace));
    house.finish().await;
}

#[tokio::test]
async fn one_key_makes_one_run_however_many_ask_wherever_they_ask() {
    let house = House::new("start_key").await;
    let other = house.another().await;
    let start = |number: usize| {
        let door = if number.is_multiple_of(2) { &house.door } else { &other };
        let body = json!({ "workflow": "order", "input": 7 });
        answer(door.request(Method::POST, "/v1/runs").header("Idempotency-Key", "order 7").json(&body))
    };
    let answers = join_all((0..100).map(start)).await;
    let new = answers.iter().filter(|answer| answer.status == 201).count();
    let repeated = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((new, repeated), (1, 99));
    assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));

    let body = json!({ "workflow": "order", "input": 8 });
    let request = other.request(Method::POST, "/v1/runs").header("Idempotency-Key", "order 7").json(&body);
    let refused = answer(request).await;
    assert_eq!(refused.brief(), "409 idempotency_conflict");
    assert_eq!(refused.text("run_id"), answers[0].text("id"));

    for (other, brief) in [
        (json!({ "queue": "gpu" }), "409 idempotency_conflict"),
        (json!({ "session_id": "s" }), "409 idempotency_conflict"),
        (json!({ "delay": "1h" }), "409 idempotency_conflict"),
        (json!({ "tags": ["t"] }), "200"),
    ] {
        let mut body = json!({ "workflow": "order", "input": 7 });
        body.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
        let request = house.door.request(Method::POST, "/v1/runs").header("Idempotency-Key", "order 7").json(&body);
        let told = answer(request).await;
        assert_eq!(told.brief(), brief, "{other}");
        let named = other.as_object().expect("an object").keys().next().expect("a field").trim_end_matches("_id");
        assert!(brief == "200" || told.text("detail").contains(named), "{:#}", told.body);
    }
    other.close().await;
    house.finish().await;
}

#[tokio::test]
async fn a_start_that_waits_is_answered_with_the_result() {
    let house = House::new("start_wait").await;
    let asked = json!({ "workflow": "order", "wait": 15 });
    let starting = house.door.post("/v1/runs", &asked);
    let completing = async {
        let worker = house.database.worker().await;
        let run = loop {
            let listed = house.door.get("/v1/runs?state=queued").await;
            if let Some(run) = listed.body["runs"].get(0) {
                break run["id"].as_str().expect("an id").parse().expect("an id");
            }
        };
        let hold = house.database.take(worker, run).await;
        let append = hold.append(1, Next::Complete(payload("shipped")));
        house.database.append(append).await;
    };
    let (started, ()) = tokio::join!(starting, completing);
    assert_eq!(started.status, 201);
    assert_shape!(started.body);
    house.finish().await;
}

#[tokio::test]
async fn a_start_whose_wait_is_over_is_accepted_with_a_link() {
    let house = House::new("start_over").await;
    let started = house.door.post("/v1/runs?wait=10ms", &json!({ "workflow": "order" })).await;
    assert_eq!(started.status, 202);
    let wait = started.body["links"]["wait"].as_str().expect("a link");
    assert_eq!(started.headers["location"], format!("/v1/runs/{}", started.id()));
    let waiting = house.door.request(Method::GET, wait).timeout(PATIENCE * 2);
    let (cancel, nothing) = (format!("/v1/runs/{}/cancel", started.id()), json!({}));
    let cancelling = house.door.post(&cancel, &nothing);
    let (waited, cancelled) = tokio::join!(answer(waiting), cancelling);
    assert_eq!((waited.status, cancelled.status), (200, 200));
    assert_eq!(waited.text("state"), "cancelled");
    house.finish().await;
}

#[tokio::test]
async fn a_start_that_no_live_worker_can_take_says_so() {
    let house = House::new("start_unserved").await;
    house.database.worker().await;
    let started = house.door.start(&json!({ "workflow": "ordr" })).await;
    let waiting = json!({
        "reason": "no_worker",
        "detail": "no live worker of the queue `default` has the workflow `ordr`; the run starts when one registers",
    });
    assert_eq!((started.text("state"), &started.body["waiting"]), ("backlog", &waiting));
    let found = house.door.get(&started.headers["location"]).await;
    assert_eq!(found.body["waiting"], waiting);
    let served = house.door.start(&json!({ "workflow": "order" })).await;
    assert_eq!((served.text("state"), served.body.get("waiting")), ("queued", None));
    house.finish().await;
}
