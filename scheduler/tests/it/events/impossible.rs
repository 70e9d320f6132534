//! What can never be written is found among what is written with it, and refused or given up alone.

use futures::future::join_all;
use piton_scheduler::{
    engine::Start,
    event::PublishError,
    store::{Accepting, EventFilter, EventOutcome, EventResult, Fault, Matched, Refused},
};
use serde_json::json;

use super::{event, runs};
use crate::{
    cluster::{Cluster, keyed, start},
    making::{LONG, ORG, fresh},
};

/// On one thread, so that all are handed in before the first is written: they are one group.
#[tokio::test]
async fn a_publish_that_cannot_be_written_is_refused_alone() {
    let cluster = Cluster::new("event_unwritable").await;
    cluster.db.trigger("order", "order.*").await;
    let engine = cluster.schedulers[0].engine();
    let publish = |number: i64| {
        let mut events = vec![event("order.paid", &json!(number)), event("order.sent", &json!(number))];
        if number == 11 {
            // Postgres has no such text.
            events[1].trace = Some("a\0b".into());
        }
        engine.publish(events)
    };
    let published = join_all((0..16).map(publish)).await;
    for (number, published) in published.iter().enumerate() {
        match published {
            Ok(published) => assert!(number != 11 && published.iter().all(|one| runs(one) == 1), "{published:?}"),
            Err(PublishError::Store(error)) => assert_eq!((number, error.fault()), (11, Fault::BadRow)),
            Err(other) => panic!("{other:?}"),
        }
    }
    let listed = cluster.db.store.event_list(&ORG, &EventFilter::default(), 100).await.expect("read");
    assert_eq!(listed.len(), 30, "of the bad publish its good event is not taken either");
    assert_eq!(cluster.db.owed().await, 0);
    drop(engine);
    cluster.finish().await;
}

#[tokio::test]
async fn a_start_that_cannot_be_written_is_refused_alone() {
    let cluster = Cluster::new("start_unwritable").await;
    let engine = cluster.schedulers[0].engine();
    let start = |number: usize| {
        let mut start = keyed("in", &format!("k{number}"));
        if number == 5 {
            start.session = Some("a\0b".into());
        }
        engine.start(start)
    };
    let started = join_all((0..16).map(start)).await;
    let refused: Vec<_> = (0..16).filter(|number| started[*number].is_err()).collect();
    assert_eq!(refused, [5], "{started:?}");
    let mut runs: Vec<_> = started.iter().flatten().map(|started| started.run).collect();
    runs.dedup();
    assert_eq!(runs.len(), 15);
    drop(engine);
    cluster.finish().await;
}

/// An error that nobody has sorted makes what was written beside it fail no longer than once.
#[tokio::test]
async fn what_fails_for_an_unknown_reason_fails_alone() {
    let cluster = Cluster::new("start_broken").await;
    sqlx::raw_sql(include_str!("../sql/break_poison.sql")).execute(&cluster.db.pool).await.expect("it is ours");
    let engine = cluster.schedulers[0].engine();
    let start = |number: usize| {
        let workflow = if number == 5 { "poison" } else { "order" };
        engine.start(Start { workflow: workflow.into(), ..start(&format!("{number}")) })
    };
    let started = join_all((0..16).map(start)).await;
    let refused: Vec<_> = (0..16).filter(|number| started[*number].is_err()).collect();
    assert_eq!(refused, [5], "{started:?}");
    drop(engine);
    cluster.finish().await;
}

#[tokio::test]
async fn an_event_that_nothing_can_come_of_is_given_up_alone_and_says_why() {
    // No sweep comes to it first.
    let cluster = Cluster::with("event_impossible", |options| options.sweep = LONG).await;
    cluster.db.trigger("order", "order.*").await;
    cluster.db.trigger("poison", "order.bad").await;
    sqlx::query(include_str!("../sql/refuse_poison.sql")).execute(&cluster.db.pool).await.expect("it is ours");
    let names = (0..32).map(|number| if number == 13 { "order.bad" } else { "order.paid" });
    let events = names.map(|name| event(name, &json!(1))).collect();
    let published = cluster.schedulers[0].engine().publish(events).await.expect("accepted");
    let started: Vec<_> = published.iter().map(runs).collect();
    assert_eq!(started, (0..32).map(|number| usize::from(number != 13)).collect::<Vec<_>>());
    assert_eq!(cluster.db.owed().await, 0, "nobody tries it for ever");
    let counted = cluster.db.runs_by_workflow().await;
    assert_eq!(
        counted.into_iter().collect::<Vec<_>>(),
        [("order".to_owned(), 31)],
        "of one event all starts, or nothing"
    );

    let bad = published[13].event;
    let came = cluster.db.store.event_came_to(&[bad]).await.expect("read").remove(&bad);
    let Some(EventOutcome::Matched(results)) = came else { panic!("{came:?}") };
    let [EventResult::Refused { trigger: None, workflow: None, reason: Refused::Unacceptable, detail }] = &results[..]
    else {
        panic!("{results:?}")
    };
    assert!(detail.contains("nobody_takes_poison"), "{detail}");
    cluster.finish().await;
}

/// Whoever gave one up has lost it to somebody who is at it: they say what comes of it.
#[tokio::test]
async fn what_somebody_is_at_is_not_given_up() {
    let cluster = Cluster::with("event_kept", |options| options.sweep = LONG).await;
    let accepting = Accepting { id: fresh(), event: event("order.paid", &json!(1)) };
    let (store, id) = (&cluster.db.store, accepting.id);
    store.event_accept(&[accepting], LONG).await.expect("accepted");
    let (looking, taken) = store.look_at_events(&[Matched { event: id, version: None }]).await.expect("taken");
    assert_eq!(taken.len(), 1);
    assert_eq!(store.unmatched_drop(id, "why").await.expect("asked"), None);
    looking.commit().await.expect("committed");
    assert_eq!(store.unmatched_drop(id, "why").await.expect("asked"), None, "it is paid");
    assert!(cluster.db.came_of(id).await.is_empty());
    cluster.finish().await;
}
