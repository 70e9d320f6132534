use std::time::Duration;

use piton_shared::{
    failure::Failure,
    message::append::{AppendAnswer, Next},
};
use reqwest::Method;
use serde_json::json;

use super::{House, answer, assert_shape};
use crate::making::{With, payload};

#[tokio::test]
async fn pages_of_runs_follow_each_other_newest_first() {
    let house = House::new("list").await;
    house.database.worker().await;
    let mut started = Vec::new();
    for number in 0..7 {
        let tags = if number == 0 { json!(["early"]) } else { json!([]) };
        let workflow = if number == 3 { "refund" } else { "order" };
        let run = house
            .door
            .start(&json!({ "workflow": workflow, "input": number, "session_id": "s&1", "tags": tags }))
            .await;
        started.push(run.text("id").to_owned());
    }
    let mut read = Vec::new();
    let mut next = Some("/v1/runs?limit=2&session_id=s%261".to_owned());
    while let Some(path) = next {
        let page = house.door.get(&path).await.body;
        let ids = page["runs"].as_array().expect("a list").iter();
        read.extend(ids.map(|run| run["id"].as_str().expect("an id").to_owned()));
        next = page["next"].as_str().map(ToOwned::to_owned);
    }
    started.reverse();
    assert_eq!(read, started);

    let linked = house.door.get("/v1/runs?limit=2&tag=early").await;
    assert_eq!(linked.body["runs"].as_array().map(Vec::len), Some(1), "{:#}", linked.body);
    assert!(!linked.headers.contains_key("link"), "it is the only page");
    let first = house.door.get("/v1/runs?limit=2").await;
    assert_eq!(first.headers["link"], format!("<{}>; rel=\"next\"", first.text("next")));

    let middle = house.door.get(&format!("/v1/runs/{}", started[3])).await.text("created_at").to_owned();
    let listed = async |filter: &str| {
        let page = house.door.get(&format!("/v1/runs?{filter}={}", middle.replace(':', "%3A"))).await.body;
        page["runs"].as_array().map(Vec::len).expect("a list")
    };
    assert_eq!((listed("created_after").await, listed("created_before").await), (4, 3));

    let refunds = house.door.get("/v1/runs?workflow=refund").await;
    assert_shape!(refunds.body);
    let none = house.door.get("/v1/runs?state=parked&session_id=other").await;
    assert_eq!(none.body, json!({ "runs": [], "next": null, "next_cursor": null }));
    house.finish().await;
}

#[tokio::test]
async fn a_journal_is_told_in_order_with_failed_tries_and_waits() {
    let house = House::new("journal").await;
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let hold = house.database.take(worker, run).await;
    let rows = hold.append(1, Next::GoOn).with_rows(1, &["b#1", "a#1"]).with_failed_try("c#1", 1);
    let rows = rows.with_sleep("nap#1", Duration::from_hours(1)).with_retry("c#1", 2, Duration::from_hours(1));
    assert_eq!(house.database.append(rows).await, AppendAnswer::Accepted);
    let path = format!("/v1/runs/{run}/journal");
    assert_shape!(house.door.get(&path).await.body);

    let first = house.door.get(&format!("{path}?limit=1")).await.body;
    assert_eq!(first["entries"][0]["key"], "b#1");
    let second = house.door.get(first["next"].as_str().expect("more follows")).await.body;
    assert_eq!((&second["entries"][0]["key"], &second["next"]), (&json!("a#1"), &json!(null)));

    // A timer of before there was a bound, beyond the years that RFC 3339 has.
    let late = hold.append(2, Next::GoOn).with_sleep("late#1", Duration::from_hours(70_000_000));
    assert_eq!(house.database.append(late).await, AppendAnswer::Accepted);
    let late = house.door.get(&path).await;
    assert_eq!((late.status, late.body["waits"].as_array().map(Vec::len)), (200, Some(3)));

    // What comes later is read from the last page's cursor.
    let later = hold.rows(3, &["d#1"]);
    assert_eq!(house.database.append(later).await, AppendAnswer::Accepted);
    let cursor = second["cursor"].as_str().expect("a cursor");
    let third = house.door.get(&format!("{path}?cursor={cursor}")).await.body;
    assert_eq!(third["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(third["entries"][0]["key"], "d#1");
    house.finish().await;
}

#[tokio::test]
async fn a_run_is_sent_again_only_when_it_has_changed() {
    let house = House::new("etag").await;
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let path = format!("/v1/runs/{run}");
    let ask = async |tag: &str| answer(house.door.request(Method::GET, &path).header("If-None-Match", tag)).await;
    let first = ask("\"another\"").await;
    assert_eq!(first.status, 200);
    let tag = &first.headers["etag"];
    let same = ask(tag).await;
    assert_eq!((same.status, &same.headers["etag"]), (304, tag));
    let hold = house.database.take(worker, run).await;
    house.database.append(hold.append(1, Next::Complete(payload("shipped")))).await;
    let changed = ask(tag).await;
    assert_eq!((changed.status, changed.text("state")), (200, "completed"));
    assert_eq!(ask(&changed.headers["etag"]).await.status, 304);
    house.finish().await;
}

#[tokio::test]
async fn a_failed_run_says_why() {
    let house = House::new("failed").await;
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let hold = house.database.take(worker, run).await;
    let failure = Failure::permanent("declined").context("charging");
    house.database.append(hold.append(1, Next::Fail(failure))).await;
    assert_shape!(house.door.get(&format!("/v1/runs/{run}")).await.body["failure"]);
    house.finish().await;
}

#[tokio::test]
async fn workers_are_listed() {
    let house = House::new("workers").await;
    assert_eq!(house.door.get("/v1/workers").await.body, json!({ "workers": [] }));
    house.database.worker().await;
    assert_shape!(house.door.get("/v1/workers").await.body);
    house.finish().await;
}

#[tokio::test]
async fn a_payload_that_does_not_read_is_shown_as_such() {
    let house = House::new("unreadable").await;
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.id();
    let hold = house.database.take(worker, run).await;
    let mut broken = payload("shipped");
    broken.push(0xc1);
    house.database.append(hold.append(1, Next::Complete(broken))).await;
    let shown = house.door.get(&format!("/v1/runs/{run}")).await;
    assert_eq!(shown.status, 200);
    assert_shape!(shown.body["result"]);
    house.finish().await;
}

#[tokio::test]
async fn a_run_is_exported_with_all_that_a_replay_needs() {
    let house = House::new("export").await;
    let worker = house.database.worker().await;
    let run = house.door.start(&json!({ "workflow": "order", "input": { "order": 7 } })).await.id();
    let hold = house.database.take(worker, run).await;
    let rows = hold.append(1, Next::Complete(payload("shipped"))).with_rows(1, &["b#1", "a#1"]);
    assert_eq!(house.database.append(rows).await, AppendAnswer::Accepted);
    let exported = house.door.get(&format!("/v1/runs/{run}/export")).await.body;
    let mut shown = exported.clone();
    shown["run"]["created_at"] = json!("[microseconds]");
    assert_shape!(shown);
    let history: piton_shared::history::History = serde_json::from_value(exported).expect("it is a history");
    assert_eq!(history.run.seed, run.uuid(), "a run's randomness comes from its id");
    let keys: Vec<_> = history.journal.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["b#1", "a#1"]);

    let unknown = house.door.get("/v1/runs/00000000-0000-0000-0000-000000000000/export").await;
    assert_eq!(unknown.body["code"], "unknown_run");
    house.finish().await;
}
