use piton_scheduler::store::{Change, Changed};
use piton_shared::name::Queue;
use reqwest::Method;
use serde_json::{Value, json};

use super::{House, answer, assert_shape};
use crate::{events::declare, making::ORG};

#[tokio::test]
async fn a_trigger_is_made_changed_paused_and_removed() {
    let house = House::new("triggers").await;
    let asked = json!({
        "workflow": "order", "event": "order.*", "filter": "event.data.total > 100", "input_expression": "{'id': event.id}",
        "queue": "gpu", "build": "v7",
    });
    let made = house.door.post("/v1/triggers", &asked).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    assert_shape!(made.body);
    let path = made.headers["location"].clone();
    assert_eq!(house.door.get(&path).await.body, made.body);
    let webhook = json!({"workflow": "charge", "provider": "stripe", "endpoint": "main", "event": "charge.*", "input": "envelope"});
    let webhook = house.door.post("/v1/triggers", &webhook).await;
    assert_eq!(webhook.status, 201);

    let started = async |total: i64| {
        let event = json!({"name": "order.paid", "data": {"total": total}});
        let published = house.door.post("/v1/events", &event).await;
        published.body["events"][0]["runs"].as_array().map(Vec::len)
    };
    assert_eq!((started(50).await, started(200).await), (Some(0), Some(1)));
    let change = |body| answer(house.door.request(Method::PATCH, &path).json(&body));
    let changed = change(json!({"filter": null, "build": null, "input": "by_name"})).await;
    assert_shape!(changed.body);
    assert_eq!(started(50).await, Some(1));
    assert_eq!(change(json!({"state": "paused"})).await.body["state"], "paused");
    assert_eq!(started(50).await, Some(0));
    assert_eq!(change(json!({"state": "active"})).await.body["state"], "active");
    assert_eq!(started(50).await, Some(1));

    let listed = house.door.get("/v1/triggers").await;
    assert_shape!(listed.body);
    let of_one = house.door.get("/v1/triggers?workflow=order&limit=1").await;
    assert_eq!(of_one.body["triggers"][0]["id"], made.body["id"]);
    assert_eq!(answer(house.door.request(Method::DELETE, &path)).await.status, 204);
    assert_eq!(started(50).await, Some(0));
    assert_eq!(answer(house.door.request(Method::DELETE, &path)).await.brief(), "404 unknown_trigger");
    house.finish().await;
}

#[tokio::test]
async fn a_trigger_is_changed_as_it_was_seen_or_not_at_all() {
    let house = House::new("triggers_seen").await;
    let made = house.door.post("/v1/triggers", &json!({"workflow": "order", "event": "order.*"})).await;
    let path = made.headers["location"].clone();
    let seen = house.door.get(&path).await.headers["etag"].clone();
    let change = async |tag: Option<&str>, body: Value| {
        let mut request = house.door.request(Method::PATCH, &path).json(&body);
        if let Some(tag) = tag {
            request = request.header("If-Match", tag);
        }
        answer(request).await
    };
    let first = change(Some(&seen), json!({"queue": "one"})).await;
    assert_eq!((first.status, &first.headers["etag"]), (200, &house.door.get(&path).await.headers["etag"]));
    assert_eq!(change(Some(&seen), json!({"queue": "two"})).await.brief(), "412 changed_meanwhile");
    assert_eq!(house.door.get(&path).await.text("queue"), "one");

    // Whatever was computed from another version is not written.
    let id = made.text("id").parse().expect("an id");
    let stale = Change { queue: Some(Queue::DEFAULT), seen: Some(0), ..Change::default() };
    let overtaken = house.database.store.trigger_update(id, &ORG, &stale).await.expect("asked");
    assert!(matches!(overtaken, Changed::Overtaken(row) if row.queue.to_string() == "one"));

    // Without a tag the last one counts, but only of what it says.
    let fields = [
        json!({"filter": "event.data.a"}),
        json!({"event": "user.*"}),
        json!({"queue": "two"}),
        json!({"build": "v7"}),
    ];
    let answers = futures::future::join_all(fields.map(|body| change(None, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let now = house.door.get(&path).await;
    let words = ["filter", "event", "queue", "build"].map(|name| now.text(name));
    assert_eq!(words, ["event.data.a", "user.*", "two", "v7"]);
    house.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    let house = House::new("triggers_wrong").await;
    let wrong =
        json!({"workflow": "w", "event": "a..b", "filter": "evnt.x", "input_expression": "1 +", "endpoint": "x"});
    let refused = house.door.post("/v1/triggers", &wrong).await;
    assert_eq!(refused.brief(), "422 invalid_field");
    let mut pointers: Vec<_> = refused.body["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| error["pointer"].as_str().expect("a text"))
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/endpoint", "/event", "/filter", "/input_expression"]);
    let nowhere = "/v1/triggers/0197a000-0000-7000-8000-000000000001";
    assert_eq!(house.door.get(nowhere).await.brief(), "404 unknown_trigger");
    let change = answer(house.door.request(Method::PATCH, nowhere).json(&json!({"state": "paused"}))).await;
    assert_eq!(change.brief(), "404 unknown_trigger");
    house.finish().await;
}

#[tokio::test]
async fn a_declared_one_can_be_paused_only() {
    let house = House::new("triggers_declared").await;
    declare(&house.database, "order", 10, &["order.*"]).await;
    let listed = house.door.get("/v1/triggers").await;
    let path = listed.body["triggers"][0]["links"]["trigger"].as_str().expect("a link").to_owned();
    let change = |body| answer(house.door.request(Method::PATCH, &path).json(&body));
    let refused = change(json!({"event": "user.*"})).await;
    assert_eq!(refused.brief(), "409 trigger_declared");
    assert_shape!(refused.body);
    assert_eq!(answer(house.door.request(Method::DELETE, &path)).await.brief(), "409 trigger_declared");
    assert_eq!(change(json!({"state": "paused"})).await.status, 200);
    // It stays paused when it is declared again.
    declare(&house.database, "order", 11, &["user.*", "order.*"]).await;
    assert_eq!(house.door.get(&path).await.body["state"], "paused");
    house.finish().await;
}
