//! After a kill nothing is accepted; before it everything that was said stands.

use piton_scheduler::store::KillOutcome;
use piton_shared::{
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use super::{Obstacle, held_up};
use crate::{
    database::Database,
    making::{LONG, ORG, With, payload},
};

#[tokio::test]
async fn a_kill_beside_an_uncommitted_completion_comes_too_late() {
    let db = Database::new("kill_beside_append").await;
    let hold = db.held(db.worker().await).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_held.sql"), hold.run.uuid()).await;
    let committer = db.committer();
    let done = hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    let completing = held_up(&db, 1, async move { committer.outcomes(&[done]).await }).await;
    let store = db.other_store().await;
    let killing = held_up(&db, 2, async move { store.kill(hold.run, &ORG).await }).await;
    obstacle.remove().await;
    assert_eq!(completing.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    let outcome = killing.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(outcome, KillOutcome::Ended(RunState::Completed)), "{outcome:?}");
    let version: i64 =
        sqlx::query_scalar(include_str!("../sql/control_version.sql")).fetch_one(&db.pool).await.expect("read");
    assert_eq!(version, 0, "no control was given");
    db.finish().await;
}

#[tokio::test]
async fn an_append_beside_an_uncommitted_kill_is_refused() {
    let db = Database::new("append_beside_kill").await;
    let hold = db.held(db.worker().await).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_org.sql"), hold.run.uuid()).await;
    let store = db.other_store().await;
    let killing = held_up(&db, 1, async move { store.kill(hold.run, &ORG).await }).await;
    let done = || hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    assert!(db.outcomes(vec![done()]).await[0].is_err(), "not known: it is asked again");
    obstacle.remove().await;
    let outcome = killing.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(outcome, KillOutcome::Killed { version: 1, ref holders } if holders.len() == 1), "{outcome:?}");
    assert_eq!(db.append(done()).await, AppendAnswer::Fenced);
    assert!(db.journal(hold.run).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_an_uncommitted_kill_gets_nothing() {
    let db = Database::new("claim_beside_kill").await;
    let run = db.accept(piton_scheduler::store::Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_org.sql"), run.uuid()).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let killing = held_up(&db, 1, async move { other.kill(run, &ORG).await }).await;
    let claiming = held_up(&db, 2, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    obstacle.remove().await;
    killing.await.expect("it ran").expect("answered");
    assert!(claiming.await.expect("it ran").expect("answered").is_empty());
    assert_eq!(db.row(run).await.state, RunState::Killed);
    db.finish().await;
}

#[tokio::test]
async fn the_same_append_through_two_schedulers_is_written_once() {
    let db = Database::new("append_twice").await;
    let hold = db.held(db.worker().await).await;
    let obstacle = Obstacle::put(&db, include_str!("../sql/lock_held.sql"), hold.run.uuid()).await;
    let suspend = || {
        hold.append(1, Next::Suspend { seen_outside: 0 })
            .with_rows(1, &["a#1"])
            .with_failed_try("a#1", 1)
            .with_sleep("s#1", LONG)
    };
    let (one, two) = (db.committer(), db.committer());
    let append = suspend();
    let first = held_up(&db, 1, async move { one.outcomes(&[append]).await }).await;
    assert!(two.outcomes(&[suspend()]).await[0].is_err(), "not known: it is asked again");
    obstacle.remove().await;
    assert_eq!(first.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    assert_eq!(two.outcomes(&[suspend()]).await, [Ok(AppendAnswer::Accepted)]);
    assert_eq!(db.row(hold.run).await.state, RunState::Suspended);
    // Even after the run has gone on and come back to where it was.
    db.make_due(hold.run).await;
    db.store.fire_due(10).await.expect("fired");
    assert_eq!(two.outcomes(&[suspend()]).await, [Ok(AppendAnswer::Accepted)]);
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    assert!(db.waits(hold.run).await.is_empty());
    db.finish().await;
}
