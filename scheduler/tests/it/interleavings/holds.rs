//! What is given back or taken away, beside what its holder says.

use piton_shared::{
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use super::{Obstacle, held_up};
use crate::{
    database::Database,
    making::{With, payload},
};

const HELD: &str = include_str!("../sql/lock_held.sql");

#[tokio::test]
async fn the_end_of_a_lease_beside_an_uncommitted_completion() {
    let db = Database::new("end_beside_append").await;
    let hold = db.held(db.worker().await).await;
    db.expire(hold.worker).await;
    let obstacle = Obstacle::put(&db, HELD, hold.run.uuid()).await;
    let committer = db.committer();
    let done = hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    let completing = held_up(&db, 1, async move { committer.outcomes(&[done]).await }).await;
    let store = db.other_store().await;
    let ending = held_up(&db, 2, async move { store.end_lease(hold.worker, 3).await }).await;
    obstacle.remove().await;
    assert_eq!(completing.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    let requeued = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert!(requeued.runs.is_empty(), "it had ended: {requeued:?}");
    assert_eq!(db.row(hold.run).await.state, RunState::Completed);
    db.finish().await;
}

#[tokio::test]
async fn an_append_beside_the_uncommitted_end_of_a_lease() {
    let db = Database::new("append_beside_end").await;
    let hold = db.held(db.worker().await).await;
    db.expire(hold.worker).await;
    let obstacle = Obstacle::put(&db, HELD, hold.run.uuid()).await;
    let store = db.other_store().await;
    let ending = held_up(&db, 1, async move { store.end_lease(hold.worker, 3).await }).await;
    assert!(db.outcomes(vec![hold.rows(1, &["a#1"])]).await[0].is_err(), "not known: it is asked again");
    obstacle.remove().await;
    assert_eq!(ending.await.expect("it ran").expect("answered").expect("it ended").runs.len(), 1);
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Fenced);
    assert!(db.journal(hold.run).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_run_handed_back_beside_its_uncommitted_completion() {
    let db = Database::new("back_beside_append").await;
    let hold = db.held(db.worker().await).await;
    let obstacle = Obstacle::put(&db, HELD, hold.run.uuid()).await;
    let committer = db.committer();
    let done = hold.append(1, Next::Complete(payload("x")));
    let completing = held_up(&db, 1, async move { committer.outcomes(&[done]).await }).await;
    let store = db.other_store().await;
    let backing =
        held_up(&db, 2, async move { store.hand_back(hold.worker, &[(hold.run, hold.attempt)], None).await }).await;
    obstacle.remove().await;
    assert_eq!(completing.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    assert!(backing.await.expect("it ran").expect("answered").is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_grant_that_comes_after_its_worker_denied_it_holds_nothing() {
    let db = Database::new("late_grant").await;
    let worker = db.worker().await;
    let lost = db.held(worker).await;
    // Asked by the sweeper, the worker knows of nothing; the same run goes to it again, and then the old grant comes.
    db.store.hand_back(worker, &[(lost.run, lost.attempt)], None).await.expect("back");
    let hold = db.take(worker, lost.run).await;
    assert_eq!(db.append(lost.rows(1, &["a#1"])).await, AppendAnswer::Fenced);
    assert!(db.claim(&lost).await.is_none(), "it is not granted again");
    // Nor does a second denial of the old hold take the new one away.
    let denied = db.store.hand_back(worker, &[(lost.run, lost.attempt)], None).await.expect("answered");
    assert!(denied.is_empty());
    let done = hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    assert_eq!(db.append(done).await, AppendAnswer::Accepted);
    db.finish().await;
}
