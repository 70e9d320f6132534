//! Workers say anew what a workflow takes, while schedulers remember what it took.

use piton_shared::{
    message::{
        define::{Define, DefinitionKind},
        read::More,
    },
    name::Queue,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{binding::workflow, event};
use crate::{
    cluster::Cluster,
    definitions::{definition, integer, live, page},
    making::ORG,
};

fn takes(since: i64, parameters: &[(&str, Value)]) -> Define {
    let properties: serde_json::Map<_, _> =
        parameters.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
    let input = match parameters {
        [(_, one)] => one.clone(),
        _ => json!({"type": "object", "properties": properties, "required": names}),
    };
    Define {
        org: ORG,
        build: None,
        queue: Queue::DEFAULT,
        since: Timestamp::from_micros(since),
        definitions: vec![workflow("pay", parameters, &input)],
        more: More::End,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_matched_with_what_its_workflow_takes_when_it_is_accepted() {
    let cluster = Cluster::with("event_redefined", |_| {}).await;
    cluster.db.trigger("pay", "order.*").await;
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let store = &cluster.db.store;
    // Both schedulers remember what it takes, and are not told of what another scheduler hears.
    let publish = async |expected: [&str; 1]| {
        for scheduler in &cluster.schedulers {
            let event = event("order.paid", &json!({"total": "7"}));
            let published = scheduler.engine().publish(vec![event]).await.expect("accepted");
            assert_eq!(cluster.db.came_of(published[0].event).await, expected);
        }
    };
    let define = async |define: Define| {
        store.define(&define).await.expect("written").expect("the org is there");
    };
    define(takes(1, &[("total", number.clone())])).await;
    publish(["pay invalid_input"]).await;
    define(takes(2, &[("total", text.clone())])).await;
    publish(["pay"]).await;
    define(takes(3, &[("total", text.clone()), ("currency", text.clone())])).await;
    publish(["pay unbound"]).await;
    define(takes(4, &[("total", text)])).await;
    publish(["pay"]).await;
    cluster.finish().await;
}

/// A worker that registers changes no version: what is remembered of it may be seconds old, and refuses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_live_build_takes_is_not_refused_by_what_is_remembered() {
    let cluster = Cluster::new("event_doubtful").await;
    let db = &cluster.db;
    db.trigger("charge", "order.*").await;
    for (since, build, schema) in [(1, "v1", json!({"type": "string"})), (2, "v2", integer())] {
        let takes = definition(DefinitionKind::Workflow, "charge", &[("amount", schema)]);
        db.store.define(&page(since, Some(build), vec![takes])).await.expect("written").expect("the org is there");
    }
    let aged = sqlx::query(include_str!("../sql/age_definition.sql")).bind("charge").bind(120_f64);
    aged.execute(&db.pool).await.expect("it is ours");
    live(&db.store, Some("v2")).await;
    let publish = async || {
        let event = event("order.paid", &json!({"amount": "seven"}));
        let published = cluster.schedulers[0].engine().publish(vec![event]).await.expect("accepted");
        db.came_of(published[0].event).await
    };
    assert_eq!(publish().await, ["charge invalid_input"]);
    live(&db.store, Some("v1")).await;
    assert_eq!(publish().await, ["charge"]);
    cluster.finish().await;
}
