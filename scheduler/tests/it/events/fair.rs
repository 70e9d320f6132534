//! Orgs take turns at being matched: neither costly filters, nor what trips a fault of Piton, nor a pile of owed events keeps
//! the events of others waiting.

use std::time::Duration;

use piton_scheduler::{
    event::{Matching, NewEvent},
    store::{Accepting, Listens, NewTrigger},
};
use piton_shared::{
    name::Org,
    trigger::{EventTrigger, InputRule},
};
use serde_json::json;

use super::{event, new_trigger, on, runs};
use crate::{
    cluster::{Cluster, SOON},
    database::Database,
    making::{LONG, ORG, fresh, until},
};

async fn other_org(db: &Database) -> Org {
    sqlx::query(include_str!("../sql/add_org.sql")).bind("calm").execute(&db.pool).await.expect("it is ours");
    Org::new("calm".to_owned()).expect("a name")
}

fn of(org: &Org, event: NewEvent) -> NewEvent {
    NewEvent { org: org.clone(), ..event }
}

#[tokio::test(flavor = "multi_thread")]
async fn costly_filters_of_one_org_keep_no_event_of_another_waiting() {
    let cluster = Cluster::with("event_fair", |options| {
        options.sweep = LONG;
        options.matching_awaited = Duration::from_millis(1);
    })
    .await;
    let (data, _) = super::laborious::heaviest();
    for _ in 0..100 {
        let filter = Some(super::laborious::FILTER.into());
        let trigger = EventTrigger { pattern: "work.*".into(), filter, input: InputRule::ByName };
        cluster.db.listens("order", Listens::Event(trigger)).await;
    }
    let calm = other_org(&cluster.db).await;
    let made = NewTrigger { org: calm.clone(), ..new_trigger("order", on("order.*")) };
    cluster.db.store.trigger_create(&made, 1000).await.expect("it is made");

    let engine = cluster.schedulers[0].engine();
    let costly = (0..500).map(|_| event("work.done", &data)).collect();
    let costly =
        tokio::time::timeout(SOON, engine.publish(costly)).await.expect("it is accepted at once").expect("taken");
    assert!(costly.iter().all(|one| matches!(one.matching, Matching::Owed)), "their answer waits no longer");
    for number in 0..3 {
        let published = engine.publish(vec![of(&calm, event("order.paid", &json!(number)))]).await.expect("accepted");
        assert_eq!(cluster.db.came_of(published[0].event).await, ["order"]);
    }
    assert!(cluster.db.owed().await > 400, "the costly ones go on meanwhile");
    drop(engine);
    cluster.finish().await;
}

#[tokio::test]
async fn what_trips_a_fault_of_ours_is_found_and_put_off_alone() {
    let cluster = Cluster::with("event_tripped", |options| options.sweep = Duration::from_millis(50)).await;
    cluster.db.trigger("order", "order.*").await;
    cluster.db.trigger("poison", "order.bad").await;
    sqlx::raw_sql(include_str!("../sql/trip_over_poison.sql")).execute(&cluster.db.pool).await.expect("it is ours");
    let names = (0..32).map(|number| if number == 13 { "order.bad" } else { "order.paid" });
    let events = names.map(|name| event(name, &json!(1))).collect();
    let published = cluster.schedulers[0].engine().publish(events).await.expect("accepted");
    for (number, one) in published.iter().enumerate() {
        match number {
            13 => assert!(matches!(one.matching, Matching::Owed), "{one:?}"),
            _ => assert_eq!(runs(one), 1),
        }
    }
    assert_eq!(cluster.db.owed().await, 1);
    // Mended, it comes to what it would have come to.
    sqlx::query(include_str!("../sql/trip_no_more.sql")).execute(&cluster.db.pool).await.expect("it is ours");
    assert_eq!(cluster.db.came_of(published[13].event).await, ["order", "poison"]);
    cluster.finish().await;
}

/// On one thread, so that both events come to the same turn.
#[tokio::test]
async fn a_trigger_that_cannot_be_read_keeps_no_event_of_another_org_waiting() {
    let cluster = Cluster::with("event_unreadable", |options| options.sweep = LONG).await;
    let (db, calm) = (&cluster.db, other_org(&cluster.db).await);
    for org in [&ORG, &calm] {
        let made = NewTrigger { org: org.clone(), ..new_trigger("order", on("order.*")) };
        db.store.trigger_create(&made, 1000).await.expect("it is made");
    }
    sqlx::raw_sql(include_str!("../sql/any_rule.sql")).execute(&db.pool).await.expect("it is ours");
    let unreadable = sqlx::query(include_str!("../sql/unknown_rule.sql")).bind(calm.as_str());
    unreadable.execute(&db.pool).await.expect("it is ours");
    let events = vec![of(&calm, event("order.paid", &json!(1))), event("order.paid", &json!(2))];
    let published = cluster.schedulers[0].engine().publish(events).await.expect("accepted");
    assert_eq!(db.came_of(published[1].event).await, ["order"]);
    assert_eq!(db.owed().await, 1, "the other one is put off");
    cluster.finish().await;
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_panic_over_an_event_is_that_events_alone() {
    let _points = fail::FailScenario::setup();
    let cluster = Cluster::new("event_panic").await;
    cluster.db.trigger("order", "order.*").await;
    fail::cfg("scheduler::event-decided", "return(order.bad)").expect("it reads");
    let names = (0..32).map(|number| if number == 13 { "order.bad" } else { "order.paid" });
    let events = names.map(|name| event(name, &json!(1))).collect();
    let published = cluster.schedulers[0].engine().publish(events).await.expect("accepted");
    let started: Vec<_> = published.iter().filter(|one| matches!(one.matching, Matching::Done(_))).collect();
    assert_eq!(started.len(), 31);
    assert!(matches!(published[13].matching, Matching::Owed));
    fail::cfg("scheduler::event-decided", "off").expect("it reads");
    assert_eq!(cluster.db.came_of(published[13].event).await, ["order"]);
    cluster.finish().await;
}

#[tokio::test]
async fn a_sweep_claims_events_of_every_org_and_leaves_claimed_ones_alone() {
    let db = Database::new("event_claimed").await;
    let calm = other_org(&db).await;
    let accepting = |org: &Org| Accepting { id: fresh(), event: of(org, event("order.paid", &json!(1))) };
    let piled: Vec<_> = (0..200).map(|_| accepting(&ORG)).collect();
    let younger = accepting(&calm);
    let id = younger.id;
    db.store.event_accept(&piled, LONG).await.expect("accepted");
    db.store.event_accept(&[younger], LONG).await.expect("accepted");
    let orgs = db.store.unmatched_orgs("", 10).await.expect("read");
    assert_eq!(orgs, ["calm", "default"]);
    assert_eq!(db.store.unmatched_orgs("calm", 10).await.expect("read"), ["default"]);
    assert_eq!(db.store.unmatched_orgs("", 1).await.expect("read"), ["calm"]);

    let claimed = std::cell::RefCell::new(Vec::new());
    until(async || {
        // Their acceptor is left alone with them first.
        let more = db.store.unmatched_claim(&orgs, 64, LONG).await.expect("claimed");
        claimed.borrow_mut().extend(more);
        claimed.borrow().contains(&(id, calm.clone())) && claimed.borrow().len() == 201
    })
    .await;
    assert!(db.store.unmatched_claim(&orgs, 64, LONG).await.expect("claimed").is_empty());
    db.store.unmatched_keep(&[id], Duration::ZERO).await.expect("it is given up");
    assert_eq!(db.store.unmatched_claim(&orgs, 64, LONG).await.expect("claimed"), [(id, calm)]);
    db.store.unmatched_put_off(id).await.expect("it is put off");
    assert!(db.store.unmatched_claim(&orgs, 64, LONG).await.expect("claimed").is_empty(), "for a second at least");
    db.finish().await;
}
