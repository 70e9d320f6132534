//! A wake-up is never lost, whichever commits first.

use piton_shared::{
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use super::{Obstacle, held_up};
use crate::{
    database::Database,
    making::{Hold, LONG, ORG, With},
};

/// A run that is held, with one timer that is due.
pub(super) async fn due(db: &Database) -> Hold {
    let hold = db.held(db.worker().await).await;
    let sleep = hold.append(1, Next::GoOn).with_sleep("s#1", LONG);
    assert_eq!(db.append(sleep).await, AppendAnswer::Accepted);
    db.make_due(hold.run).await;
    hold
}

#[tokio::test]
async fn a_timer_beside_an_uncommitted_suspend() {
    let db = Database::new("beside_suspend").await;
    let hold = due(&db).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_held.sql"), hold.run.uuid()).await;
    let committer = db.committer();
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 }).with_sleep("s#2", LONG);
    let suspending = held_up(&db, 1, async move { committer.outcomes(&[suspend]).await }).await;
    assert!(db.other_store().await.fire_due(10).await.expect("looked").is_empty(), "left for the next look");
    obstacle.remove().await;
    assert_eq!(suspending.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    assert_eq!(db.row(hold.run).await.state, RunState::Suspended);
    let fired = db.store.fire_due(10).await.expect("fired");
    assert!(fired[0].publish.is_some(), "it is woken");
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_suspend_beside_an_uncommitted_timer() {
    let db = Database::new("beside_timer").await;
    let hold = due(&db).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_waits.sql"), hold.run.uuid()).await;
    let store = db.other_store().await;
    let firing = held_up(&db, 1, async move { store.fire_due(10).await }).await;
    let suspend = || hold.append(2, Next::Suspend { seen_outside: 0 }).with_sleep("s#2", LONG);
    assert!(db.outcomes(vec![suspend()]).await[0].is_err(), "not known: it is asked again");
    obstacle.remove().await;
    assert_eq!(firing.await.expect("it ran").expect("fired").len(), 1);
    let AppendAnswer::Overtaken { outside } = db.append(suspend()).await else { panic!("not overtaken") };
    assert_eq!(outside[0].key.as_str(), "s#1");
    assert_eq!(db.row(hold.run).await.state, RunState::Running);
    db.finish().await;
}

#[tokio::test]
async fn a_timer_beside_an_uncommitted_cancel_takes_the_next_number() {
    let db = Database::new("beside_cancel").await;
    let hold = due(&db).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/hold_cancel_key.sql"), hold.run.uuid()).await;
    let store = db.other_store().await;
    let cancelling = held_up(&db, 1, async move { store.cancel(hold.run, &ORG, "stop").await }).await;
    let third = db.other_store().await;
    let firing = tokio::spawn(async move { third.fire_due(10).await });
    // It neither waits nor takes a number that is taken.
    assert!(firing.await.expect("it ran").expect("looked").is_empty());
    obstacle.remove().await;
    cancelling.await.expect("it ran").expect("cancelled");
    assert_eq!(db.store.fire_due(10).await.expect("fired")[0].outside, 2);
    assert_eq!(db.journal(hold.run).await, ["cancel#1 cancel outside 1", "s#1 sleep outside 2"]);
    db.finish().await;
}

#[tokio::test]
async fn a_cancel_beside_an_uncommitted_timer_takes_the_next_number() {
    let db = Database::new("cancel_beside_timer").await;
    let hold = due(&db).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_waits.sql"), hold.run.uuid()).await;
    let (store, other) = (db.other_store().await, db.other_store().await);
    let firing = held_up(&db, 1, async move { store.fire_due(10).await }).await;
    let cancelling = held_up(&db, 2, async move { other.cancel(hold.run, &ORG, "stop").await }).await;
    obstacle.remove().await;
    firing.await.expect("it ran").expect("fired");
    cancelling.await.expect("it ran").expect("cancelled");
    assert_eq!(db.journal(hold.run).await, ["cancel#1 cancel outside 2", "s#1 sleep outside 1"]);
    db.finish().await;
}

#[tokio::test]
async fn a_cancel_beside_an_uncommitted_suspend_wakes_it() {
    let db = Database::new("cancel_beside_suspend").await;
    let hold = db.held(db.worker().await).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_held.sql"), hold.run.uuid()).await;
    let committer = db.committer();
    let suspend = hold.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", LONG);
    let suspending = held_up(&db, 1, async move { committer.outcomes(&[suspend]).await }).await;
    let store = db.other_store().await;
    let cancelling = held_up(&db, 2, async move { store.cancel(hold.run, &ORG, "stop").await }).await;
    obstacle.remove().await;
    assert_eq!(suspending.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    let outcome = cancelling.await.expect("it ran").expect("answered").expect("it is there");
    let piton_scheduler::store::CancelOutcome::Requested(Some(told)) = outcome else { panic!("{outcome:?}") };
    assert!(told.publish.is_some() && told.holder.is_none());
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    db.finish().await;
}
