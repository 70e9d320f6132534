//! Starts whose input their workflow does not take.

use piton_shared::message::define::DefinitionKind;
use reqwest::Method;
use serde_json::json;

use super::{bus, charge, definition, integer, live, page, present};
use crate::api::{House, answer, assert_shape, until};

#[tokio::test]
async fn an_input_that_does_not_fit_starts_nothing_and_says_what_is_wrong_where() {
    let house = House::new("input_refused").await;
    let start = |input| json!({ "workflow": "charge", "input": input });
    // As long as nobody has said anything of it, everything is taken: workers may come later.
    house.door.start(&start(json!("whatever"))).await;

    let bus = bus(&house).await;
    present(&bus, &page(1, None, vec![charge()])).await;
    house.door.start(&start(json!({ "amount": 12 }))).await;
    house.door.start(&start(json!({ "amount": 12, "currency": "eur", "more": [] }))).await;

    let refused = house.door.post("/v1/runs", &start(json!({ "amount": "12" }))).await;
    assert_eq!(refused.brief(), "422 invalid_input");
    assert_shape!(refused.body);
    let refused = house.door.post("/v1/runs", &start(json!({ "currency": 3 }))).await;
    assert_shape!(refused.body);
    let absent = house.door.post("/v1/runs", &json!({ "workflow": "charge" })).await;
    assert_eq!(absent.body["errors"][0]["pointer"], "/input");
    let listed = house.door.get("/v1/runs").await;
    assert_eq!(listed.body["runs"].as_array().map(Vec::len), Some(3));
    house.finish().await;
}

#[tokio::test]
async fn a_key_that_made_its_run_is_answered_with_it_whatever_came_since() {
    let house = House::new("input_key").await;
    let body = json!({ "workflow": "charge", "input": "old" });
    let start = async |body: &_| {
        let request = house.door.request(Method::POST, "/v1/runs").header("Idempotency-Key", "k").json(body);
        answer(request).await
    };
    let first = start(&body).await;
    present(&bus(&house).await, &page(1, None, vec![charge()])).await;
    let again = start(&body).await;
    assert_eq!((first.status, again.status, again.id()), (201, 200, first.id()));
    let other = start(&json!({ "workflow": "charge", "input": "other" })).await;
    assert_eq!(other.brief(), "409 idempotency_conflict");
    house.finish().await;
}

#[tokio::test]
async fn it_is_the_build_that_counts_and_without_one_whoever_may_take_the_run() {
    let house = House::new("input_builds").await;
    let bus = bus(&house).await;
    let old = definition(DefinitionKind::Workflow, "charge", &[("amount", integer())]);
    let new = definition(DefinitionKind::Workflow, "charge", &[("order", json!({"type": "object"}))]);
    present(&bus, &page(1, Some("v1"), vec![old])).await;
    let worker = live(&house.database.store, Some("v1")).await;
    present(&bus, &page(2, Some("v2"), vec![new])).await;

    let start = async |build: Option<&str>, input| {
        let body = json!({ "workflow": "charge", "input": input, "build": build });
        house.door.post("/v1/runs", &body).await.status
    };
    assert_eq!(start(Some("v1"), json!(3)).await, 201);
    assert_eq!(start(Some("v1"), json!({})).await, 422);
    assert_eq!(start(Some("v2"), json!({})).await, 201);
    assert_eq!(start(Some("v2"), json!(3)).await, 422);
    assert_eq!(start(Some("v3"), json!("whatever")).await, 201, "nobody has spoken of that build");
    // A live worker takes the one, the newest takes the other, and a string is taken by nobody.
    assert_eq!(start(None, json!(3)).await, 201);
    assert_eq!(start(None, json!({})).await, 201);
    assert_eq!(start(None, json!("x")).await, 422);
    // The last worker of the old build leaves: what only that one took is refused, as soon as it is known.
    house.database.store.leave(worker).await.expect("it leaves");
    let body = json!({ "workflow": "charge", "input": 3 });
    until(async || house.door.post("/v1/runs", &body).await, |answer| answer.status == 422).await;
    house.finish().await;
}

#[tokio::test]
async fn items_of_a_batch_are_named_by_their_place() {
    let house = House::new("input_batch").await;
    let scale =
        definition(DefinitionKind::Function, "scale", &[("factor", integer()), ("name?", json!({"type": "string"}))]);
    present(&bus(&house).await, &page(1, None, vec![scale])).await;
    let items = json!([
        {"factor": 1}, {"factor": "2"}, {"id": "three", "input": {"factor": 3}}, {"id": "four", "input": {"name": 4}}, 5,
    ]);
    let refused = house.door.post("/v1/batches", &json!({ "function": "scale", "items": items })).await;
    assert_eq!(refused.brief(), "422 invalid_input");
    assert_shape!(refused.body);
    let good = json!([{"factor": 1}, {"id": "three", "input": {"factor": 3}}]);
    let taken = house.door.post("/v1/batches", &json!({ "function": "scale", "items": good })).await;
    assert_eq!(taken.status, 201, "{:#}", taken.body);
    let many = json!({ "function": "scale", "items": vec![json!("x"); 1000] });
    let bounded = house.door.post("/v1/batches", &many).await;
    assert_eq!(bounded.body["errors"].as_array().map(Vec::len), Some(50));
    // A workflow of the same name has nothing to do with it.
    present(&bus(&house).await, &page(1, None, vec![definition(DefinitionKind::Workflow, "scale", &[])])).await;
    let taken = house.door.post("/v1/batches", &json!({ "function": "scale", "items": [{"factor": 1}] })).await;
    assert_eq!(taken.status, 201);
    house.finish().await;
}

#[tokio::test]
async fn another_scheduler_hears_of_it_within_a_moment() {
    let house = House::new("input_other").await;
    let other = house.another().await;
    let body = json!({ "workflow": "charge", "input": "x" });
    assert_eq!(house.door.post("/v1/runs", &body).await.status, 201);
    assert_eq!(other.post("/v1/runs", &body).await.status, 201);
    present(&bus(&house).await, &page(1, None, vec![charge()])).await;
    for door in [&house.door, &other] {
        until(async || door.post("/v1/runs", &body).await, |answer| answer.status == 422).await;
    }
    other.close().await;
    house.finish().await;
}
