//! Pages of definitions: what is kept, and what is not taken.

use piton_shared::{
    limits,
    message::define::{DefinitionKind, Presence},
    trigger::{CatchUp, CronTrigger, EventTrigger, InputRule, Overlap, Trigger},
};
use serde_json::json;

use super::{bus, charge, definition, integer, live, on, page, present, refused};
use crate::{
    api::House,
    database::Database,
    making::{ORG, payload},
};

#[tokio::test]
async fn what_a_later_process_said_is_not_taken_back_by_an_earlier_one() {
    let db = Database::new("define_since").await;
    let mut wider = charge();
    wider.description = "The later one.".into();
    wider.triggers = vec![on("order.paid")];
    let mut first = charge();
    first.triggers = vec![on("order.made")];
    let defined = async |since, definition: &_| {
        let define = page(since, None, vec![Clone::clone(definition)]);
        db.store.define(&define).await.expect("it is written").expect("the org is there");
    };
    let said = async || {
        let mut rows = db.store.definition_builds(&ORG, DefinitionKind::Workflow, "charge", 10).await.expect("read");
        assert_eq!(rows.len(), 1);
        rows.remove(0).definition
    };
    defined(1, &first).await;
    assert_eq!(said().await.triggers, [on("order.made")]);
    defined(2, &wider).await;
    let later = said().await;
    assert_eq!((&*later.description, &*later.triggers), ("The later one.", &[on("order.paid")][..]));
    // The old process has lost its scheduler, and registers with another one.
    defined(1, &first).await;
    assert_eq!(said().await, later);
    // The same process may change nothing by saying it again but when it was seen.
    defined(2, &wider).await;
    assert_eq!(said().await.first_seen_at, later.first_seen_at);
    db.finish().await;
}

#[tokio::test]
async fn a_clock_that_goes_ahead_keeps_nobody_out() {
    let db = Database::new("define_ahead").await;
    let ahead = page(100 * 366 * 24 * 60 * 60, None, vec![charge()]);
    db.store.define(&ahead).await.expect("written").expect("the org is there");
    let rows = db.store.definition_builds(&ORG, DefinitionKind::Workflow, "charge", 10).await.expect("read");
    let row = &rows[0].definition;
    assert!(row.since <= row.seen_at, "{row:#?}");
    db.finish().await;
}

#[tokio::test]
async fn pages_that_cannot_be_kept_are_refused_by_name() {
    let house = House::new("define_refused").await;
    let bus = bus(&house).await;
    let with = |change: &dyn Fn(&mut piton_shared::message::define::Definition)| {
        let mut definition = charge();
        change(&mut definition);
        page(1, None, vec![definition])
    };
    let cron = |input: &str| {
        Trigger::Cron(CronTrigger {
            name: None,
            expression: "0 9 * * *".into(),
            time_zone: "UTC".into(),
            overlap: Overlap::Allow,
            catch_up: CatchUp::One,
            jitter_millis: 0,
            input: payload(input),
        })
    };
    let filtered = Trigger::Event(EventTrigger {
        pattern: "order.paid".into(),
        filter: Some("event.data.total >".into()),
        input: InputRule::ByName,
    });
    let table = [
        with(&|it| it.name = "a/b".into()),
        with(&|it| it.input_schema = "{".into()),
        with(&|it| it.output_schema = json!({"type": "nothing"}).to_string()),
        with(&|it| it.input_schema = json!({"$ref": "https://127.0.0.1:1/x.json"}).to_string()),
        with(&|it| it.input_schema = json!({"title": "x".repeat(limits::SCHEMA_BYTES)}).to_string()),
        with(&|it| it.description = "x".repeat(limits::DESCRIPTION_BYTES + 1)),
        with(&|it| it.triggers = vec![on("a"); limits::TRIGGERS_DECLARED + 1]),
        with(&|it| it.triggers = vec![on("order..paid")]),
        with(&|it| it.triggers = vec![filtered.clone()]),
        with(&|it| it.triggers = vec![cron("not an object")]),
        with(&|it| {
            it.kind = DefinitionKind::Function;
            it.triggers = vec![on("order.paid")];
        }),
        page(1, None, vec![charge(), charge()]),
        page(1, None, (0..=limits::DEFINITIONS_PAGE).map(|_| charge()).collect()),
    ];
    let mut said = Vec::new();
    for define in &table {
        let why = refused(&bus, define).await;
        said.push(why.chars().take(160).collect::<String>());
    }
    insta::assert_snapshot!(said.join("\n"));
    // A page is kept as a whole or not at all.
    let mut bad = definition(DefinitionKind::Workflow, "zoo", &[]);
    bad.triggers = vec![filtered];
    refused(&bus, &page(1, None, vec![charge(), bad])).await;
    let listed = house.door.get("/v1/definitions").await;
    assert_eq!(listed.body["definitions"], json!([]));
    house.finish().await;
}

#[tokio::test]
async fn builds_that_others_replaced_are_forgotten_once_nobody_has_them() {
    let db = Database::new("define_forget").await;
    for (since, build) in [(1, "v1"), (2, "v2"), (3, "v3")] {
        let define = page(since, Some(build), vec![charge()]);
        db.store.define(&define).await.expect("written").expect("the org is there");
    }
    live(&db.store, Some("v1")).await;
    let forgotten = db.store.forget_definitions(limits::DEFINITION_KEPT, 10).await.expect("forgotten");
    assert_eq!(forgotten, 0, "all were seen a moment ago");
    let forgotten = db.store.forget_definitions(std::time::Duration::ZERO, 10).await.expect("forgotten");
    let left = db.store.definition_builds(&ORG, DefinitionKind::Workflow, "charge", 10).await.expect("read");
    let left: Vec<_> = left.iter().map(|row| (&*row.build, row.definition.workers)).collect();
    // One has a live worker, and one is the newest.
    assert_eq!((forgotten, left), (1, vec![("v3", 0), ("v1", 1)]));
    db.finish().await;
}

#[tokio::test]
async fn what_is_said_is_kept_as_it_was_said() {
    let house = House::new("define_kept").await;
    let bus = bus(&house).await;
    let mut said = definition(DefinitionKind::Workflow, "kept", &[("a", integer()), ("b?", json!(true))]);
    said.description = "With \0 and \"quotes\" and \\u0000.".into();
    said.triggers = vec![on("x.**"), on("y")];
    present(&bus, &page(7, Some("v7"), vec![said.clone()])).await;
    let rows = house.database.store.definition_builds(&ORG, DefinitionKind::Workflow, "kept", 10).await.expect("read");
    let row = &rows[0];
    assert_eq!(row.build, "v7");
    assert_eq!((&row.definition.parameters, &row.definition.triggers), (&said.parameters, &said.triggers));
    assert_eq!(row.definition.input_schema, said.input_schema);
    assert_eq!(row.definition.description, "With \u{fffd} and \"quotes\" and \\u0000.");
    assert_eq!(row.definition.parameters[1].presence, Presence::Optional);
    house.finish().await;
}
