//! Schedules over HTTP: made, looked at, changed, paused, triggered, deleted, and their faults.

use piton_scheduler::store::{Declaration, schedule::declare};
use piton_shared::{
    message::{
        define::{Define, Definition, DefinitionKind},
        read::More,
    },
    name::Queue,
    time::Timestamp,
    trigger::{CatchUp, CronTrigger, Overlap, Trigger},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, House, answer, assert_shape, until};
use crate::making::{ORG, payload};

impl House {
    async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.door.request(Method::PATCH, path).json(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        answer(self.door.request(Method::DELETE, path)).await
    }

    async fn posts(&self, path: &str) -> Answer {
        answer(self.door.request(Method::POST, path)).await
    }

    async fn trigger_with(&self, path: &str, key: &str) -> Answer {
        answer(self.door.request(Method::POST, path).header("Idempotency-Key", key)).await
    }
}

/// Times that differ by the day on which this is asked are words.
fn undated(body: &Value) -> Value {
    let mut body = body.clone();
    for next in body["next"].as_array_mut().into_iter().flatten() {
        let local = next["local"].as_str().expect("a time").to_owned();
        next["local"] = json!(format!("[day] {}", &local[15..23]));
    }
    body
}

#[tokio::test]
async fn a_schedule_is_made_changed_and_deleted() {
    let house = House::new("schedules").await;
    let body = json!({
        "name": "morning", "workflow": "report", "expression": "0 9 * * *", "time_zone": "europe/berlin", "overlap": "skip",
        "catch_up": "all", "jitter": "90s", "input": {"a": 1}, "queue": "gpu", "build": "v7", "tags": ["x"],
    });
    let made = house.door.post("/v1/schedules", &body).await;
    assert_eq!((made.status, &*made.headers["location"]), (201, "/v1/schedules/morning"));
    assert_shape!(undated(&made.body));
    assert_eq!(house.door.post("/v1/schedules", &body).await.status, 200, "the same again");
    let other = json!({ "name": "morning", "workflow": "report", "expression": "@daily" });
    assert_eq!(house.door.post("/v1/schedules", &other).await.brief(), "409 schedule_exists");

    let path = "/v1/schedules/morning";
    let got = house.door.get(path).await;
    assert_eq!(got.body["next"].as_array().map(Vec::len), Some(5));
    let next = house.door.get("/v1/schedules/morning/next?count=7").await;
    assert_eq!(next.body["next"].as_array().map(Vec::len), Some(7));
    assert_eq!(next.body["next"][0], got.body["next"][0]);
    assert_eq!(house.door.get("/v1/schedules/morning/next?count=0").await.brief(), "400 invalid_parameter");

    let changed = house.patch(path, &json!({ "expression": "30 7 * * *", "input": [2], "jitter": 0 })).await;
    assert_eq!((changed.text("expression"), &changed.body["input"]), ("30 7 * * *", &json!([2])));
    assert_eq!((changed.text("overlap"), changed.text("queue")), ("skip", "gpu"), "what is not said stays");
    assert!(changed.body["next"][0]["local"].as_str().is_some_and(|local| local.contains(" 07:30:00 ")));
    assert_eq!(house.patch(path, &json!({})).await.text("changed_at"), changed.text("changed_at"));

    let cleared = json!({
        "time_zone": null, "overlap": null, "catch_up": null, "jitter": null, "input": null, "queue": null, "build": null, "tags": null,
    });
    let merge = house.door.request(Method::PATCH, path).header("Content-Type", "application/merge-patch+json");
    let cleared = answer(merge.body(cleared.to_string())).await;
    assert_shape!(undated(&cleared.body));
    let tagged = house.patch(path, &json!({ "tags": ["y"], "build": "v8" })).await;
    assert_eq!((&tagged.body["tags"], tagged.text("build")), (&json!(["y"]), "v8"));
    assert_eq!(house.patch(path, &json!({ "tags": [] })).await.body["tags"], json!([]));
    let never = house.patch(path, &json!({ "workflow": null, "expression": null })).await;
    assert_eq!(never.brief(), "422 invalid_field");
    insta::assert_snapshot!(format!("{:#}", never.body["errors"]));

    for number in 0..3 {
        let body = json!({ "name": format!("s{number}"), "workflow": "other", "expression": "@hourly" });
        assert_eq!(house.door.post("/v1/schedules", &body).await.status, 201);
    }
    let page = house.door.get("/v1/schedules?limit=2").await;
    let names = |page: &Answer| {
        let rows = page.body["schedules"].as_array().expect("a list").iter();
        rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["morning", "s0"]);
    assert_eq!(names(&house.door.get(page.text("next")).await), ["s1", "s2"]);
    assert_eq!(names(&house.door.get("/v1/schedules?workflow=other").await), ["s0", "s1", "s2"]);

    assert_eq!(house.delete(path).await.status, 204);
    assert_eq!(house.delete(path).await.brief(), "404 unknown_schedule");
    house.finish().await;
}

#[tokio::test]
async fn a_schedule_is_changed_as_it_was_seen_or_not_at_all() {
    let house = House::new("schedules_seen").await;
    let body = json!({ "name": "yearly", "workflow": "report", "expression": "@yearly" });
    assert_eq!(house.door.post("/v1/schedules", &body).await.status, 201);
    let path = "/v1/schedules/yearly";
    let seen = house.door.get(path).await.headers["etag"].clone();
    let change = async |tag: &str, queue: &str| {
        let request = house.door.request(Method::PATCH, path).header("If-Match", tag);
        answer(request.json(&json!({ "queue": queue }))).await
    };
    let first = change(&seen, "one").await;
    assert_eq!((first.status, &first.headers["etag"]), (200, &house.door.get(path).await.headers["etag"]));
    let late = change(&seen, "two").await;
    assert_eq!(late.brief(), "412 changed_meanwhile");
    assert_eq!(house.door.get(path).await.text("queue"), "one");
    assert_eq!(change(&first.headers["etag"], "two").await.text("queue"), "two");
    assert_eq!(change("*", "three").await.text("queue"), "three");
    assert_eq!(change("three", "four").await.brief(), "400 invalid_header");

    // Of those who have seen the same, one changes it.
    let seen = house.door.get(path).await.headers["etag"].clone();
    let at_once = ["a", "b", "c", "d", "e", "f"].map(|queue| change(&seen, queue));
    let answers = futures::future::join_all(at_once).await;
    let changed: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(changed.len(), 1);
    assert!(answers.iter().all(|answer| [200, 412].contains(&answer.status)));
    assert_eq!(house.door.get(path).await.body, changed[0].body);
    let again = house.door.request(Method::GET, path).header("If-None-Match", &changed[0].headers["etag"]);
    assert_eq!(answer(again).await.status, 304);
    house.finish().await;
}

#[tokio::test]
async fn every_fault_of_a_schedule_is_named_at_once() {
    let house = House::new("schedules_faults").await;
    let bad = json!({
        "name": "a b", "workflow": "x/y", "expression": "61 * * * *", "time_zone": "Berlin", "overlap": "both", "catch_up": "some",
        "jitter": "25h", "queue": "a.b", "build": "any", "tags": ["a,b"], "state": "asleep", "cron": "@daily",
    });
    let refused = house.door.post("/v1/schedules", &bad).await;
    assert_eq!(refused.brief(), "422 invalid_field");
    insta::assert_snapshot!(format!("{:#}", refused.body["errors"]));
    let never = json!({ "name": "n", "workflow": "w", "expression": "0 0 31 2 *" });
    let refused = house.door.post("/v1/schedules", &never).await;
    insta::assert_snapshot!(format!("{:#}", refused.body["errors"]));
    assert_eq!(house.door.get("/v1/schedules/nobody").await.brief(), "404 unknown_schedule");
    assert_eq!(house.door.get("/v1/schedules/a%20b").await.brief(), "400 invalid_id");
    house.finish().await;
}

#[tokio::test]
async fn a_schedule_is_paused_resumed_and_triggered() {
    let house = House::new("schedules_orders").await;
    let body = json!({ "name": "nightly", "workflow": "order", "expression": "@daily", "state": "paused" });
    let made = house.door.post("/v1/schedules", &body).await;
    assert_eq!((made.text("state"), &made.body["next"]), ("paused", &json!([])));
    let resumed = house.posts("/v1/schedules/nightly/resume").await;
    assert_eq!((resumed.text("state"), resumed.body["next"].as_array().map(Vec::len)), ("active", Some(5)));
    let paused = house.posts("/v1/schedules/nightly/pause").await;
    assert_eq!(paused.text("state"), "paused");
    assert_eq!(house.posts("/v1/schedules/nightly/pause").await.text("paused_at"), paused.text("paused_at"));

    // It is triggered all the same, once for each key, and a run that was started with that key is another thing.
    let path = "/v1/schedules/nightly/trigger";
    let start = house.door.request(Method::POST, "/v1/runs").header("Idempotency-Key", "k");
    let run = answer(start.json(&json!({ "workflow": "order" }))).await;
    let first = house.trigger_with(path, "k").await;
    let again = house.trigger_with(path, "k").await;
    assert_eq!((first.status, again.status, again.id()), (201, 200, first.id()));
    assert_ne!(run.id(), first.id());
    let other = house.posts(path).await;
    assert_eq!(other.status, 201);
    let firings = house.door.get("/v1/schedules/nightly/firings").await;
    assert_shape!(firings.body);
    let page = house.door.get("/v1/schedules/nightly/firings?limit=1").await;
    let rest = house.door.get(page.text("next")).await;
    assert_eq!(rest.body["firings"][0]["run_id"], first.body["id"]);
    assert_eq!(rest.body["next"], Value::Null);
    let shown = house.door.get(&format!("/v1/runs/{}", first.text("id"))).await;
    assert_eq!(shown.body["tags"], json!(["schedule:nightly"]));
    house.finish().await;
}

#[tokio::test]
async fn an_input_that_the_workflow_does_not_take_is_refused_at_the_door() {
    let house = House::new("schedules_input").await;
    let body = json!({ "name": "early", "workflow": "order", "expression": "@daily", "input": {"amount": "much"} });
    assert_eq!(house.door.post("/v1/schedules", &body).await.status, 201, "nothing is known of the workflow yet");
    let definition = Definition {
        kind: DefinitionKind::Workflow,
        name: "order".into(),
        description: String::new(),
        parameters: Vec::new(),
        input_schema: r#"{"type": "object", "properties": {"amount": {"type": "integer"}}}"#.into(),
        output_schema: "true".into(),
        triggers: Vec::new(),
    };
    let define = Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(1),
        definitions: vec![definition],
        more: More::End,
    };
    house.database.store.define(&define).await.expect("asked").expect("the org is there");
    let path = "/v1/schedules/early/trigger";
    let refused = until(async || house.posts(path).await, |answer| answer.status != 201).await;
    assert_eq!(
        (refused.brief(), &refused.body["errors"][0]["pointer"]),
        ("422 invalid_input".into(), &json!("/input/amount"))
    );
    let late = json!({ "name": "late", "workflow": "order", "expression": "@daily", "input": {"amount": "much"} });
    let refused = house.door.post("/v1/schedules", &late).await;
    assert_eq!(
        (refused.brief(), &refused.body["errors"][0]["pointer"]),
        ("422 invalid_input".into(), &json!("/input/amount"))
    );
    let refused = house.patch("/v1/schedules/early", &json!({ "input": {"amount": []} })).await;
    assert_eq!(
        (refused.brief(), &refused.body["errors"][0]["pointer"]),
        ("422 invalid_input".into(), &json!("/input/amount"))
    );
    let elsewhere = house.patch("/v1/schedules/early", &json!({ "queue": "gpu" })).await;
    assert_eq!(elsewhere.status, 200, "its input is not what is changed");
    let good = house.patch("/v1/schedules/early", &json!({ "input": {"amount": 3} })).await;
    assert_eq!(good.status, 200);
    assert_eq!(house.posts(path).await.status, 201);
    house.finish().await;
}

#[tokio::test]
async fn a_declared_one_is_changed_where_it_is_declared() {
    let house = House::new("schedules_declared").await;
    let cron = Trigger::Cron(CronTrigger {
        name: None,
        expression: "@daily".into(),
        time_zone: "UTC".into(),
        overlap: Overlap::Allow,
        catch_up: CatchUp::One,
        jitter_millis: 0,
        input: payload("x"),
    });
    let mut tx = house.database.pool.begin().await.expect("a transaction");
    let since = Timestamp::from_micros(1);
    let triggers = [cron];
    let (workflow, queue) = ("report", &Queue::DEFAULT);
    let declaration = Declaration { org: &ORG, workflow, queue, since, build: "", rollout: since, triggers: &triggers };
    declare(&mut tx, &declaration).await.expect("declared");
    tx.commit().await.expect("it commits");
    let path = "/v1/schedules/report";
    let refused = house.patch(path, &json!({ "expression": "@hourly" })).await;
    assert_eq!(refused.brief(), "409 schedule_declared");
    insta::assert_snapshot!(refused.text("detail"));
    assert_eq!(house.delete(path).await.brief(), "409 schedule_declared");
    let taken = json!({ "name": "report", "workflow": "report", "expression": "@daily" });
    assert_eq!(house.door.post("/v1/schedules", &taken).await.brief(), "409 schedule_exists");
    assert_eq!(house.posts("/v1/schedules/report/pause").await.text("state"), "paused");
    assert_eq!(house.posts("/v1/schedules/report/trigger").await.status, 201);
    assert_eq!(house.delete("/v1/schedules/report?force=true").await.status, 204);
    house.finish().await;
}
