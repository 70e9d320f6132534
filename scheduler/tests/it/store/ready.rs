//! Publishing: what is lost goes out again with a new epoch, what waits goes out in its order.

use std::time::Duration;

use piton_scheduler::store::{Depth, NewRun, Placement};
use piton_shared::{
    ids::Epoch,
    limits::DEDUPE_WINDOW,
    name::{Build, Queue},
    state::RunState,
    time::Timestamp,
};

use crate::{
    database::Database,
    making::{ORG, new_run, publish_next},
};

const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_publish_is_overdue_after_its_patience_which_doubles() {
    let db = Database::new("ready_overdue").await;
    let run = db.accept(Placement::Queued).await;
    db.accept(Placement::Backlog).await;
    let overdue = async || db.store.overdue_published(PATIENCE, 10).await.expect("found");
    assert!(overdue().await.is_empty());
    db.tamper_publish(run, 3).await;
    let found = overdue().await;
    assert_eq!((found.len(), found[0].run, found[0].epoch), (1, run, Epoch(1)));
    db.store.still_waiting(&found).await.expect("noted");
    assert!(overdue().await.is_empty(), "it was seen waiting");
    for (seen, looked_into) in [(15, 0), (17, 1), (600, 1)] {
        db.tamper_publish(run, seen + 3).await;
        db.tamper_look(run, seen).await;
        assert_eq!(overdue().await.len(), looked_into, "seen {seen} s ago, published once");
        db.store.still_waiting(&found).await.expect("noted");
    }
    db.tamper_look(run, 17).await;
    let found = overdue().await;
    let stores = [db.store.clone(), db.other_store().await];
    let again = stores.iter().map(|store| store.republish(&found));
    let again: Vec<_> =
        futures::future::join_all(again).await.into_iter().flat_map(|one| one.expect("published")).collect();
    assert_eq!(again.len(), 1, "two schedulers publish once");
    assert_eq!((again[0].epoch, again[0].state), (Epoch(2), RunState::Queued));
    assert!(overdue().await.is_empty());
    db.tamper_publish(run, 3).await;
    assert!(overdue().await.is_empty(), "4 s of patience now");
    db.tamper_publish(run, 5).await;
    let found = overdue().await;
    assert_eq!(found.len(), 1);
    db.take(db.worker().await, run).await;
    assert!(db.store.republish(&found).await.expect("looked").is_empty(), "it was claimed");
    db.store.still_waiting(&found).await.expect("noted");
    db.finish().await;
}

#[tokio::test]
async fn a_stream_that_was_made_anew_makes_every_publish_overdue() {
    let db = Database::new("ready_reset").await;
    let runs = [db.accept(Placement::Queued).await, db.accept(Placement::Queued).await];
    db.accept(Placement::Backlog).await;
    let overdue = async || db.store.overdue_published(PATIENCE, 10).await.expect("found");
    db.tamper_publish(runs[0], 3).await;
    db.store.still_waiting(&overdue().await).await.expect("noted");
    assert!(overdue().await.is_empty());
    assert_eq!(db.store.publishes_reset(PATIENCE, 1).await.expect("reset"), 1);
    assert_eq!(db.store.publishes_reset(PATIENCE, 10).await.expect("reset"), 1);
    assert_eq!(overdue().await.len(), 2);
    assert_eq!(db.store.publishes_reset(PATIENCE, 10).await.expect("reset"), 0, "all are");
    db.finish().await;
}

fn depth(build: Option<&Build>) -> Depth {
    Depth { org: ORG, queue: Queue::DEFAULT, build: build.cloned(), published: 0, backlog: 0 }
}

#[tokio::test]
async fn the_backlog_is_published_in_its_order_and_to_whom_it_is_bound() {
    let db = Database::new("ready_backlog").await;
    let build = Build::new("b1").expect("a name");
    let mut runs = Vec::new();
    for number in 0..6_u64 {
        let mut run = new_run(Placement::Backlog);
        let millis = 1_000_000_000_000 + number;
        run.id = piton_shared::ids::RunId::new(piton_shared::ids::uuid_v7(millis, rand::random()));
        runs.push(run);
    }
    runs[4].build = Some(build.clone());
    runs[5].not_before = Some(Timestamp::from_micros(4_000_000_000_000_000));
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    runs.reverse();
    db.store.intake(&runs, DEDUPE_WINDOW).await.expect("accepted");
    let depths = db.store.queue_depths(1000).await.expect("counted");
    let of = |build: Option<&Build>| {
        let found = depths.iter().find(|depth| depth.build.as_ref() == build);
        found.map(|depth| (depth.published, depth.backlog))
    };
    assert_eq!((of(None), of(Some(&build))), (Some((0, 4)), Some((0, 1))));
    let publish = async |build, rows| {
        let published = publish_next(&db.store, &depth(build), rows).await;
        let mut runs: Vec<_> = published.iter().map(|one| one.run).collect();
        runs.sort();
        runs
    };
    assert_eq!(publish(None, 3).await, ids[..3]);
    assert_eq!(publish(None, 3).await, ids[3..4], "not the one whose time has not come");
    assert_eq!(publish(Some(&build), 3).await, ids[4..5]);
    let row = db.row(ids[0]).await;
    assert_eq!((row.state, row.epoch), (RunState::Queued, 1));
    db.finish().await;
}

#[tokio::test]
async fn two_schedulers_publish_a_backlog_once() {
    let db = Database::new("ready_two").await;
    let runs: Vec<NewRun> = (0..100).map(|_| new_run(Placement::Backlog)).collect();
    db.store.intake(&runs, DEDUPE_WINDOW).await.expect("accepted");
    let stores = [db.store.clone(), db.other_store().await];
    let lane = depth(None);
    let feeding = stores.iter().map(|store| async {
        let mut published = Vec::new();
        loop {
            let next = publish_next(store, &lane, 9).await;
            let depths = store.queue_depths(1000).await.expect("counted");
            if next.is_empty() && depths.iter().all(|depth| depth.backlog == 0) {
                return published;
            }
            published.extend(next);
        }
    });
    let published: Vec<_> = futures::future::join_all(feeding).await.concat();
    assert_eq!(published.len(), 100);
    assert!(published.iter().all(|run| run.epoch == Epoch(1)));
    db.finish().await;
}

#[tokio::test]
async fn slots_are_those_of_live_workers_that_take_work() {
    let db = Database::new("ready_slots").await;
    let (one, two, gone) = (db.worker().await, db.worker().await, db.worker().await);
    db.store.leave(gone).await.expect("it leaves");
    let slots = db.store.queue_slots().await.expect("counted");
    assert_eq!((slots.len(), slots[0].slots), (1, 20));
    let held = db.held(one).await;
    let page = db.store.held_page(piton_shared::ids::RunId::new(uuid::Uuid::nil()), Duration::ZERO, 10);
    let page = page.await.expect("listed");
    assert_eq!((page.len(), page[0].run, page[0].worker, page[0].attempt), (1, held.run, one, held.attempt));
    let next = db.store.held_page(held.run, Duration::ZERO, 10).await.expect("listed");
    assert!(next.is_empty());
    let _ = two;
    db.finish().await;
}
