//! A run has one holder, and the holder lives.

use piton_scheduler::store::{CancelOutcome, NewRun, Placement};
use piton_shared::{ids::AttemptId, limits::DEDUPE_WINDOW, state::RunState};

use super::{Obstacle, held_up};
use crate::{
    database::Database,
    making::{ORG, fresh, new_run},
};

const READY: &str = include_str!("../sql/lock_ready.sql");

#[tokio::test]
async fn a_second_claim_beside_an_uncommitted_one() {
    let db = Database::new("claim_beside_claim").await;
    let run = db.accept(Placement::Queued).await;
    let (first, second) = (db.wish(db.worker().await, run).await, db.wish(db.worker().await, run).await);
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let claiming = held_up(&db, 1, async move { store.claim(first.worker, &[first.ask()]).await }).await;
    let late = held_up(&db, 2, async move { other.claim(second.worker, &[second.ask()]).await }).await;
    obstacle.remove().await;
    assert_eq!(claiming.await.expect("it ran").expect("answered").len(), 1);
    assert!(late.await.expect("it ran").expect("answered").is_empty());
    assert_eq!(db.row(run).await.worker, Some(first.worker));
    db.finish().await;
}

#[tokio::test]
async fn the_same_claim_through_two_schedulers() {
    let db = Database::new("claim_twice").await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let one = held_up(&db, 1, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    let two = held_up(&db, 2, async move { other.claim(wish.worker, &[wish.ask()]).await }).await;
    obstacle.remove().await;
    for claiming in [one, two] {
        let granted = claiming.await.expect("it ran").expect("answered");
        assert_eq!((granted.len(), granted[0].attempts), (1, 1));
    }
    db.finish().await;
}

#[tokio::test]
async fn a_republish_beside_an_uncommitted_claim() {
    let db = Database::new("republish_beside_claim").await;
    let run = db.accept(Placement::Queued).await;
    db.tamper_publish(run, 60).await;
    let overdue = db.store.overdue_published(std::time::Duration::ZERO, 10).await.expect("found");
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let claiming = held_up(&db, 1, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    let publishing = held_up(&db, 2, async move { other.republish(&overdue).await }).await;
    obstacle.remove().await;
    assert_eq!(claiming.await.expect("it ran").expect("answered").len(), 1);
    assert!(publishing.await.expect("it ran").expect("looked").is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_an_uncommitted_republish() {
    let db = Database::new("claim_beside_republish").await;
    let run = db.accept(Placement::Queued).await;
    db.tamper_publish(run, 60).await;
    let overdue = db.store.overdue_published(std::time::Duration::ZERO, 10).await.expect("found");
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let publishing = held_up(&db, 1, async move { other.republish(&overdue).await }).await;
    let claiming = held_up(&db, 2, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    obstacle.remove().await;
    assert_eq!(publishing.await.expect("it ran").expect("published").len(), 1);
    assert!(claiming.await.expect("it ran").expect("answered").is_empty(), "its epoch is over");
    assert_eq!(db.row(run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_cancel_beside_an_uncommitted_claim_is_seen_by_the_workflow() {
    let db = Database::new("cancel_beside_claim").await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let claiming = held_up(&db, 1, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    let cancelling = held_up(&db, 2, async move { other.cancel(run, &ORG, "stop").await }).await;
    obstacle.remove().await;
    assert_eq!(claiming.await.expect("it ran").expect("answered").len(), 1);
    let outcome = cancelling.await.expect("it ran").expect("answered").expect("it is there");
    let CancelOutcome::Requested(Some(told)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(told.holder, Some((wish.worker, wish.attempt)));
    assert_eq!(db.row(run).await.state, RunState::Running);
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_an_uncommitted_cancel_gets_nothing() {
    let db = Database::new("claim_beside_cancel").await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, READY, run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let cancelling = held_up(&db, 1, async move { other.cancel(run, &ORG, "stop").await }).await;
    let claiming = held_up(&db, 2, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    obstacle.remove().await;
    let outcome = cancelling.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(outcome, CancelOutcome::Cancelled));
    assert!(claiming.await.expect("it ran").expect("answered").is_empty());
    db.finish().await;
}

/// A run that is to be inserted held by this worker, and whoever inserts it is held up after it has looked at the
/// worker.
fn meant_for(worker: piton_shared::ids::WorkerId) -> NewRun {
    new_run(Placement::Held { worker, attempt: AttemptId::new(fresh()), heartbeat: 0 })
}

#[tokio::test]
async fn the_end_of_a_lease_beside_an_uncommitted_start_that_is_held() {
    let db = Database::new("end_beside_start").await;
    let worker = db.worker().await;
    let run = meant_for(worker);
    let id = run.id;
    db.expire(worker).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/hold_run_id.sql"), id.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let starting = held_up(&db, 1, async move { store.intake(&[run], DEDUPE_WINDOW).await }).await;
    let ending = held_up(&db, 2, async move { other.end_lease(worker, 3).await }).await;
    obstacle.remove().await;
    assert_eq!(starting.await.expect("it ran").expect("accepted")[0].state, RunState::Running);
    let requeued = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert_eq!(requeued.runs[0].run, id);
    assert_eq!(db.row(id).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_start_that_is_held_beside_the_uncommitted_end_of_the_lease() {
    let db = Database::new("start_beside_end").await;
    let worker = db.worker().await;
    let held = db.held(worker).await;
    db.expire(worker).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_run.sql"), held.run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let ending = held_up(&db, 1, async move { other.end_lease(worker, 3).await }).await;
    let run = meant_for(worker);
    let id = run.id;
    let starting = held_up(&db, 2, async move { store.intake(&[run], DEDUPE_WINDOW).await }).await;
    obstacle.remove().await;
    assert_eq!(ending.await.expect("it ran").expect("answered").expect("it ended").runs.len(), 1);
    assert_eq!(starting.await.expect("it ran").expect("accepted")[0].state, RunState::Queued);
    assert_eq!(db.row(id).await.state, RunState::Queued);
    db.finish().await;
}
