//! What dispatched work came to, beside everything else that happens to its run.

use piton_scheduler::{
    journal::Committer,
    store::{Finish, KillOutcome, PauseOutcome},
};
use piton_shared::{
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use super::{Obstacle, held_up};
use crate::{
    database::Database,
    making::{LONG, ORG, With, fresh},
    store::steps::{RETURNED, again, done, finishing},
};

const DISPATCH: &str = include_str!("../sql/lock_dispatch.sql");
const HELD: &str = include_str!("../sql/lock_held.sql");
const GATE: &str = include_str!("../sql/shut_gate.sql");
const CLAIM: &str = include_str!("../../../src/store/sql/step_claim.sql");
const ORG_ROW: &str = include_str!("../sql/lock_org.sql");

/// A run that is held and gave `a#1` and `b#1` away; the first is executed.
async fn given(db: &Database) -> (crate::making::Hold, piton_scheduler::store::GrantedStep) {
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let append = hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1");
    let offers = db.store.append(&[append]).await.expect("written").offers;
    let offer = offers.iter().find(|offer| offer.dispatch.key.as_str() == "a#1").expect("it is offered");
    let step = db.take_step(worker, offer).await;
    (hold, step)
}

#[tokio::test]
async fn a_finish_beside_an_uncommitted_suspend_wakes_it() {
    let db = Database::new("finish_beside_suspend").await;
    let (hold, step) = given(&db).await;
    let obstacle = Obstacle::put(&db, HELD, hold.run.uuid()).await;
    let committer = db.committer();
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 });
    let suspending = held_up(&db, 1, async move { committer.outcomes(&[suspend]).await }).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 2, async move { store.finish(&[end]).await }).await;
    obstacle.remove().await;
    assert_eq!(suspending.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    let pass = finishing.await.expect("it ran").expect("written");
    assert!(pass.told[0].publish.is_some() && pass.told[0].holder.is_none());
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_suspend_beside_an_uncommitted_finish_is_overtaken() {
    let db = Database::new("suspend_beside_finish").await;
    let (hold, step) = given(&db).await;
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 1, async move { store.finish(&[end]).await }).await;
    let suspend = || hold.append(2, Next::Suspend { seen_outside: 0 });
    assert!(db.outcomes(vec![suspend()]).await[0].is_err(), "not known: it is asked again");
    obstacle.remove().await;
    assert_eq!(finishing.await.expect("it ran").expect("written").told[0].fired, 1);
    let AppendAnswer::Overtaken { outside } = db.append(suspend()).await else { panic!("not overtaken") };
    assert_eq!(outside[0].key.as_str(), "a#1");
    db.finish().await;
}

#[tokio::test]
async fn a_finish_beside_an_uncommitted_kill_is_refused() {
    let db = Database::new("finish_beside_kill").await;
    let (hold, step) = given(&db).await;
    let obstacle = Obstacle::put(&db, ORG_ROW, hold.run.uuid()).await;
    let store = db.other_store().await;
    let killing = held_up(&db, 1, async move { store.kill(hold.run, &ORG).await }).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 2, async move { store.finish(&[end]).await }).await;
    obstacle.remove().await;
    let outcome = killing.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(outcome, KillOutcome::Killed { .. }));
    let pass = finishing.await.expect("it ran").expect("looked");
    assert_eq!((pass.wrote, pass.told.len()), (vec![Finish::Fenced], 0));
    assert!(db.journal(hold.run).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_kill_beside_an_uncommitted_finish_comes_after_it() {
    let db = Database::new("kill_beside_finish").await;
    let (hold, step) = given(&db).await;
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 1, async move { store.finish(&[end]).await }).await;
    let store = db.other_store().await;
    let killing = held_up(&db, 2, async move { store.kill(hold.run, &ORG).await }).await;
    obstacle.remove().await;
    assert_eq!(finishing.await.expect("it ran").expect("written").wrote, [Finish::Written]);
    killing.await.expect("it ran").expect("answered");
    assert_eq!(db.journal(hold.run).await, ["a#1 step outside 1"]);
    assert_eq!(db.row(hold.run).await.state, RunState::Killed);
    db.finish().await;
}

#[tokio::test]
async fn a_finish_beside_the_uncommitted_end_of_its_lease_is_refused() {
    let db = Database::new("finish_beside_end").await;
    let (hold, step) = given(&db).await;
    db.expire(hold.worker).await;
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let store = db.other_store().await;
    let ending = held_up(&db, 1, async move { store.end_lease(hold.worker, 3).await }).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 2, async move { store.finish(&[end]).await }).await;
    obstacle.remove().await;
    let left = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert_eq!((left.runs.len(), left.offers.len()), (1, 1));
    assert_eq!(finishing.await.expect("it ran").expect("looked").wrote, [Finish::Fenced]);
    db.finish().await;
}

#[tokio::test]
async fn the_end_of_a_lease_beside_an_uncommitted_finish_takes_nothing_back() {
    let db = Database::new("end_beside_finish").await;
    let (hold, step) = given(&db).await;
    db.expire(hold.worker).await;
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let store = db.other_store().await;
    let end = finishing(hold.worker, &step, done(&step));
    let finishing = held_up(&db, 1, async move { store.finish(&[end]).await }).await;
    let store = db.other_store().await;
    let ending = held_up(&db, 2, async move { store.end_lease(hold.worker, 3).await }).await;
    obstacle.remove().await;
    assert_eq!(finishing.await.expect("it ran").expect("written").wrote, [Finish::Written]);
    let left = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert_eq!((left.runs.len(), left.offers.len()), (1, 0));
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_an_uncommitted_withdrawal_gets_nothing() {
    let db = Database::new("claim_beside_withdraw").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let append = hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1");
    let offers = db.store.append(&[append]).await.expect("written").offers;
    // The withdrawal has the run, and waits for the work's row.
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let store = db.other_store().await;
    let withdraw = hold.append(2, Next::GoOn).without("a#1");
    let withdrawing = held_up(&db, 1, async move { store.append(&[withdraw]).await }).await;
    let offer = offers.iter().find(|offer| offer.dispatch.key.as_str() == "a#1").expect("it is offered");
    assert!(db.claim_step(worker, offer).await.is_none(), "it does not wait either");
    obstacle.remove().await;
    assert!(withdrawing.await.expect("it ran").expect("written").dropped.is_empty());
    assert!(db.claim_step(worker, offer).await.is_none());
    db.finish().await;
}

#[tokio::test]
async fn two_finishes_of_one_hold_write_one_outcome() {
    let db = Database::new("finish_twice").await;
    let (hold, step) = given(&db).await;
    let obstacle = Obstacle::put(&db, DISPATCH, hold.run.uuid()).await;
    let mut both = Vec::new();
    for number in 1..=2 {
        let store = db.other_store().await;
        let end = finishing(hold.worker, &step, done(&step));
        both.push(held_up(&db, number, async move { store.finish(&[end]).await }).await);
    }
    obstacle.remove().await;
    let mut told = 0;
    for one in both {
        let pass = one.await.expect("it ran").expect("written");
        assert_eq!(pass.wrote, [Finish::Written]);
        told += pass.told.len();
    }
    assert_eq!(told, 1);
    assert_eq!(db.journal(hold.run).await, ["a#1 step outside 1"]);
    db.finish().await;
}

#[tokio::test]
async fn what_comes_back_beside_an_uncommitted_pause_is_held_back() {
    let db = Database::new("back_beside_pause").await;
    for ending in 0..2 {
        let (hold, step) = given(&db).await;
        let obstacle = Obstacle::put(&db, ORG_ROW, hold.run.uuid()).await;
        let store = db.other_store().await;
        let pausing = held_up(&db, 1, async move { store.pause(hold.run, &ORG).await }).await;
        let store = db.other_store().await;
        let ending = if ending == 0 { RETURNED } else { again(&step, LONG) };
        let end = finishing(hold.worker, &step, ending);
        let finishing = held_up(&db, 2, async move { store.finish(&[end]).await }).await;
        obstacle.remove().await;
        pausing.await.expect("it ran").expect("answered");
        let pass = finishing.await.expect("it ran").expect("written");
        assert!(pass.offers.is_empty() && pass.next_due.is_none());
        db.assert_rules().await;
    }
    db.finish().await;
}

#[tokio::test]
async fn an_append_that_looked_before_a_finish_and_locks_after_it_dispatches_nothing_anew() {
    let db = Database::new("dispatch_beside_finish").await;
    let (hold, step) = given(&db).await;
    sqlx::raw_sql(include_str!("../sql/gate_appends.sql")).execute(&db.pool).await.expect("it is ours");
    let obstacle = Obstacle::put(&db, GATE, hold.run.uuid()).await;
    let committer = Committer { store: db.other_store().await, ..db.committer() };
    let append = hold.append(2, Next::GoOn).with_step("a#1").with_step("c#1");
    let appending = held_up(&db, 1, async move { committer.outcomes(&[append]).await }).await;
    assert_eq!(db.finish_step(hold.worker, &step, done(&step)).await.wrote, [Finish::Written]);
    obstacle.remove().await;
    assert_eq!(appending.await.expect("it ran"), [Ok(AppendAnswer::Accepted)]);
    let steps = db.store.steps_of(hold.run, 10).await.expect("read");
    assert_eq!(steps.iter().map(|step| step.key.as_str()).collect::<Vec<_>>(), ["b#1", "c#1"]);
    db.finish().await;
}

#[tokio::test]
async fn a_pause_beside_an_uncommitted_claim_waits_for_it_and_names_who_claimed() {
    let db = Database::new("pause_beside_claim").await;
    let (holder, executor) = (db.worker().await, db.worker().await);
    let hold = db.held(holder).await;
    let append = hold.append(1, Next::GoOn).with_step("a#1");
    let offer = db.store.append(&[append]).await.expect("written").offers.remove(0);
    let mut claim = db.pool.begin().await.expect("a transaction");
    let claimed = sqlx::query(CLAIM)
        .bind(executor.uuid())
        .bind(vec![hold.run.uuid()])
        .bind(vec![offer.dispatch.key.as_str()])
        .bind(vec![0_i32])
        .bind(vec![i32::try_from(offer.epoch.0).expect("small")])
        .bind(vec![fresh()])
        .fetch_all(&mut *claim)
        .await
        .expect("it is free");
    assert_eq!(claimed.len(), 1);
    let store = db.other_store().await;
    let pausing = held_up(&db, 1, async move { store.pause(hold.run, &ORG).await }).await;
    claim.commit().await.expect("it stands");
    let outcome = pausing.await.expect("it ran").expect("answered").expect("it is there");
    let PauseOutcome::Paused { mut holders, .. } = outcome else { panic!("{outcome:?}") };
    let mut both = [holder, executor];
    both.sort_unstable();
    holders.sort_unstable();
    assert_eq!(holders, both, "whoever may begin something of it has to confirm");
    db.finish().await;
}
