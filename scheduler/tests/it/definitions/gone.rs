//! Workflows that are gone from the code, with what still starts them.

use std::time::Duration;

use piton_shared::{
    ids::WorkerId,
    limits::WORKER_KEPT,
    message::define::DefinitionKind,
    trigger::{CatchUp, CronTrigger, Overlap, Trigger},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{bus, definition, on, page, present};
use crate::{
    api::{House, answer},
    making::{LONG, fresh, payload, register},
};

/// A worker that has these workflows and functions.
async fn worker(house: &House, workflows: &[&str], functions: &[&str]) -> WorkerId {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut card = register(WorkerId::new(fresh()));
    (card.workflows, card.functions) = (names(workflows), names(functions));
    house.database.store.register(&card, LONG).await.expect("it registers");
    card.worker
}

async fn leave(house: &House, worker: WorkerId) {
    house.database.store.leave(worker).await.expect("it leaves");
}

/// Since when the trigger and the schedule of `report` are orphaned, wherever they are shown.
async fn orphaned(house: &House) -> Option<String> {
    let triggers = house.door.get("/v1/triggers?workflow=report").await.body;
    let path = triggers["triggers"][0]["links"]["trigger"].as_str().expect("a link").to_owned();
    let trigger = house.door.get(&path).await.body;
    let schedules = house.door.get("/v1/schedules?workflow=report").await.body;
    let schedule = house.door.get("/v1/schedules/report").await.body;
    let shown = [&triggers["triggers"][0], &trigger, &schedules["schedules"][0], &schedule];
    let since: Vec<_> = shown.map(|one| one["orphaned_since"].clone()).into();
    assert!(since.iter().all(|one| *one == since[0]), "{since:?}");
    since[0].as_str().map(ToOwned::to_owned)
}

async fn declared(label: &str) -> House {
    let house = House::new(label).await;
    let bus = bus(&house).await;
    let cron = Trigger::Cron(CronTrigger {
        name: None,
        expression: "@yearly".into(),
        time_zone: "UTC".into(),
        overlap: Overlap::Allow,
        catch_up: CatchUp::One,
        jitter_millis: 0,
        input: payload("x"),
    });
    let mut report = definition(DefinitionKind::Workflow, "report", &[("topic", json!({"type": "string"}))]);
    report.triggers = vec![on("sales.closed"), cron];
    present(&bus, &page(1, None, vec![report])).await;
    house
}

#[tokio::test]
async fn what_starts_a_workflow_that_a_newer_program_lacks_is_shown_as_orphaned() {
    let house = declared("gone").await;
    assert_eq!(orphaned(&house).await, None, "nobody has registered yet");
    let first = worker(&house, &["report", "digest"], &["send"]).await;
    assert_eq!(orphaned(&house).await, None);
    leave(&house, first).await;
    assert_eq!(orphaned(&house).await, None, "nobody lives");
    worker(&house, &["charge"], &["pay"]).await;
    assert_eq!(orphaned(&house).await, None, "who lives is another program");

    worker(&house, &["weekly"], &["send"]).await;
    let since = orphaned(&house).await.expect("the newer one lacks it");
    let again = worker(&house, &["report"], &["send"]).await;
    assert_eq!(orphaned(&house).await, None, "somebody has it again");
    leave(&house, again).await;
    assert_eq!(orphaned(&house).await, None, "nobody who lives is newer than that one");
    worker(&house, &["weekly"], &["send"]).await;
    assert!(orphaned(&house).await.expect("a newer one lacks it") > since);

    let triggers = house.door.get("/v1/triggers").await.body;
    let path = triggers["triggers"][0]["links"]["trigger"].as_str().expect("a link").to_owned();
    let delete = async |path: &str| answer(house.door.request(Method::DELETE, path)).await.brief();
    assert_eq!(delete(&path).await, "409 trigger_declared");
    assert_eq!(delete(&format!("{path}?force=true")).await, "204");
    assert_eq!(delete("/v1/schedules/report?force=true").await, "204");
    assert_eq!(house.door.get("/v1/triggers").await.body["triggers"], Value::Array(Vec::new()));
    house.finish().await;
}

#[tokio::test]
async fn a_workflow_that_nobody_has_had_for_long_is_gone() {
    let house = declared("gone_long").await;
    let first = worker(&house, &["report"], &["send"]).await;
    leave(&house, first).await;
    house.database.store.forget_workers(Duration::ZERO, 10).await.expect("forgotten");
    worker(&house, &["charge"], &["pay"]).await;
    assert_eq!(orphaned(&house).await, None, "it was there a moment ago");
    let age = sqlx::query(include_str!("../sql/age_definition.sql")).bind("report");
    let seconds = i64::try_from(WORKER_KEPT.as_secs()).expect("a week is short");
    age.bind(seconds + 1).execute(&house.database.pool).await.expect("it ages");
    assert!(orphaned(&house).await.is_some());
    house.finish().await;
}
