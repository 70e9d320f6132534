//! One party is stopped between two of its statements, the other passes, and the promise holds.

use std::sync::mpsc;

use fail::FailScenario;
use parking_lot::Mutex;
use piton_scheduler::store::{CancelOutcome, KillOutcome, Placement};
use piton_shared::{
    limits::STRIKES,
    message::append::{AppendAnswer, Next},
    state::RunState,
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::timers::due;
use crate::{
    database::Database,
    making::{LONG, ORG, With, payload, until},
};

/// Stops the first who comes to a failpoint, until it is dropped; the others pass.
struct Stop {
    reached: oneshot::Receiver<()>,
    let_go: mpsc::SyncSender<()>,
}

impl Stop {
    fn at(name: &str) -> Self {
        let (tell, reached) = oneshot::channel();
        let (let_go, held) = mpsc::sync_channel::<()>(1);
        let first = Mutex::new(Some((tell, held)));
        let stop = move || {
            let taken = first.lock().take();
            if let Some((tell, held)) = taken {
                let _ = tell.send(());
                // Nothing is ever sent: this ends when the other side is dropped.
                let _ = held.recv();
            }
        };
        fail::cfg_callback(format!("scheduler::{name}"), stop).expect("the name reads");
        Self { reached, let_go }
    }

    /// Begins something and returns once it has come here.
    async fn stops<T: Send + 'static>(&mut self, what: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let begun = tokio::spawn(what);
        let reached = tokio::time::timeout(std::time::Duration::from_secs(15), &mut self.reached).await;
        reached.expect("it comes to the failpoint").expect("it says so");
        begun
    }

    fn release(self) {
        drop(self.let_go);
    }
}

/// Begins something and returns once it waits for a lock, or did not have to.
async fn waits_or_ends<T: Send + 'static>(
    db: &Database,
    what: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let begun = tokio::spawn(what);
    until(async || begun.is_finished() || db.waiting_for_locks().await > 0).await;
    begun
}

#[tokio::test]
async fn a_claim_beside_the_end_of_a_lease_that_has_looked_gets_nothing() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_end_claim").await;
    let worker = db.worker().await;
    let (held, run) = (db.held(worker).await, db.accept(Placement::Queued).await);
    db.expire(worker).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let mut stop = Stop::at("end-lease-looked");
    let ending = stop.stops(async move { other.end_lease(worker, STRIKES).await }).await;
    let wish = db.wish(worker, run).await;
    let claiming = waits_or_ends(&db, async move { store.claim(worker, &[wish.ask()]).await }).await;
    stop.release();
    let requeued = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert_eq!(requeued.runs.iter().map(|it| it.run).collect::<Vec<_>>(), [held.run]);
    assert!(claiming.await.expect("it ran").expect("answered").is_empty(), "the dead hold it");
    assert_eq!(db.row(run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_suspend_beside_a_timer_that_has_fired_and_told_nobody_is_overtaken() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_fired_suspend").await;
    let hold = due(&db).await;
    let store = db.other_store().await;
    let mut stop = Stop::at("fire-committed");
    let firing = stop.stops(async move { store.fire_due(10).await }).await;
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 }).with_sleep("s#2", LONG);
    let answer = db.append(suspend).await;
    stop.release();
    firing.await.expect("it ran").expect("fired");
    let AppendAnswer::Overtaken { outside } = answer else { panic!("the wake-up is lost: {answer:?}") };
    assert_eq!(outside[0].key.as_str(), "s#1");
    assert_eq!(db.row(hold.run).await.state, RunState::Running);
    db.finish().await;
}

#[tokio::test]
async fn a_timer_that_has_looked_before_a_suspend_wakes_the_run() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_suspend_timer").await;
    let hold = due(&db).await;
    let store = db.other_store().await;
    let mut stop = Stop::at("fire-looked");
    let firing = stop.stops(async move { store.fire_due(10).await }).await;
    let suspend = hold.append(2, Next::Suspend { seen_outside: 0 }).with_sleep("s#2", LONG);
    assert_eq!(db.append(suspend).await, AppendAnswer::Accepted);
    stop.release();
    let fired = firing.await.expect("it ran").expect("fired");
    assert!(fired[0].publish.is_some() && fired[0].holder.is_none(), "{fired:?}");
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_suspend_beside_a_cancel_that_has_looked_is_overtaken() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_cancel_suspend").await;
    let hold = db.held(db.worker().await).await;
    let store = db.other_store().await;
    let mut stop = Stop::at("cancel-looked");
    let cancelling = stop.stops(async move { store.cancel(hold.run, &ORG, "stop").await }).await;
    let suspend = || hold.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", LONG);
    assert!(db.outcomes(vec![suspend()]).await[0].is_err(), "not known: it is asked again");
    stop.release();
    let outcome = cancelling.await.expect("it ran").expect("answered").expect("it is there");
    let CancelOutcome::Requested(Some(told)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(told.holder, Some((hold.worker, hold.attempt)));
    let AppendAnswer::Overtaken { outside } = db.append(suspend()).await else { panic!("the cancel is lost") };
    assert_eq!(outside[0].key.as_str(), "cancel#1");
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_a_cancel_that_has_looked_gets_nothing() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_cancel_claim").await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let mut stop = Stop::at("cancel-looked");
    let cancelling = stop.stops(async move { other.cancel(run, &ORG, "stop").await }).await;
    let claiming = waits_or_ends(&db, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    stop.release();
    let outcome = cancelling.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(outcome, CancelOutcome::Cancelled), "it had not begun: {outcome:?}");
    assert!(claiming.await.expect("it ran").expect("answered").is_empty());
    assert_eq!(db.row(run).await.state, RunState::Cancelled);
    db.finish().await;
}

#[tokio::test]
async fn an_append_beside_a_kill_that_has_looked_is_refused() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_kill_append").await;
    let hold = db.held(db.worker().await).await;
    let store = db.other_store().await;
    let mut stop = Stop::at("kill-looked");
    let killing = stop.stops(async move { store.kill(hold.run, &ORG).await }).await;
    let done = || hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    assert!(db.outcomes(vec![done()]).await[0].is_err(), "not known: it is asked again");
    stop.release();
    let outcome = killing.await.expect("it ran").expect("answered").expect("it is there");
    assert!(matches!(&outcome, KillOutcome::Killed { holders, .. } if holders.len() == 1), "{outcome:?}");
    assert_eq!(db.append(done()).await, AppendAnswer::Fenced);
    assert!(db.journal(hold.run).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_claim_beside_a_kill_that_has_looked_gets_nothing() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_kill_claim").await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(db.worker().await, run).await;
    let (store, other) = (db.store.clone(), db.other_store().await);
    let mut stop = Stop::at("kill-looked");
    let killing = stop.stops(async move { other.kill(run, &ORG).await }).await;
    let claiming = waits_or_ends(&db, async move { store.claim(wish.worker, &[wish.ask()]).await }).await;
    stop.release();
    let outcome = killing.await.expect("it ran").expect("answered").expect("it is there");
    let nobody = matches!(&outcome, KillOutcome::Killed { holders, .. } if holders.is_empty());
    assert!(nobody, "nobody has to confirm: {outcome:?}");
    assert!(claiming.await.expect("it ran").expect("answered").is_empty());
    db.finish().await;
}

#[tokio::test]
async fn two_kills_are_seen_in_the_order_of_their_numbers() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_control_order").await;
    let (one, two) = (db.held(db.worker().await).await.run, db.held(db.worker().await).await.run);
    let (store, other) = (db.store.clone(), db.other_store().await);
    let mut stop = Stop::at("kill-numbered");
    let first = stop.stops(async move { other.kill(one, &ORG).await }).await;
    let second = waits_or_ends(&db, async move { store.kill(two, &ORG).await }).await;
    // Who has applied version 2 is never told of 1 any more.
    let seen = db.store.controls_after(ORG.as_str(), 0, 10).await.expect("read");
    stop.release();
    for killing in [first, second] {
        killing.await.expect("it ran").expect("answered").expect("it is there");
    }
    assert!(seen.is_empty(), "a later version before an earlier one: {seen:?}");
    let controls = db.store.controls_after(ORG.as_str(), 0, 10).await.expect("read");
    assert_eq!(controls.iter().map(|it| (it.version, it.run)).collect::<Vec<_>>(), [(1, one), (2, two)]);
    db.finish().await;
}

#[tokio::test]
async fn timer_loops_that_have_looked_at_the_same_timer_fire_it_once() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_two_timers").await;
    for point in ["fire-looked", "fire-locked"] {
        let hold = due(&db).await;
        let (store, other) = (db.store.clone(), db.other_store().await);
        let mut stop = Stop::at(point);
        let first = stop.stops(async move { store.fire_due(10).await }).await;
        // It does not wait for the first: other timers are due.
        let second = waits_or_ends(&db, async move { other.fire_due(10).await }).await;
        assert!(second.is_finished(), "it waits for the other at {point}");
        stop.release();
        let mut fired = Vec::new();
        for firing in [first, second] {
            fired.extend(firing.await.expect("it ran").expect("fired"));
        }
        assert_eq!(fired.iter().map(|it| (it.run, it.fired)).collect::<Vec<_>>(), [(hold.run, 1)], "{point}");
        assert_eq!(db.journal(hold.run).await, ["s#1 sleep outside 1"]);
    }
    db.finish().await;
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_the_same_through_another_scheduler() {
    let _points = FailScenario::setup();
    let db = Database::new("stop_append_lost").await;
    let hold = db.held(db.worker().await).await;
    let next = || hold.append(1, Next::GoOn).with_rows(1, &["a#1"]).with_sleep("s#1", LONG).with_failed_try("b#1", 1);
    let (one, other) = (db.committer(), db.committer());
    fail::cfg("scheduler::append-committed", "1*return->off").expect("the actions read");
    assert!(one.outcomes(&[next()]).await[0].is_err(), "nobody knows");
    for _ in 0..2 {
        assert_eq!(other.outcomes(&[next()]).await, [Ok(AppendAnswer::Accepted)]);
    }
    assert_eq!((db.journal(hold.run).await.len(), db.waits(hold.run).await.len()), (1, 1));
    assert_eq!(db.store.tries_of(hold.run, 10).await.expect("read").len(), 1);
    // What comes after it is taken, and what would leave a gap is not.
    let gap = db.append(hold.append(3, Next::Complete(payload("x")))).await;
    assert!(matches!(gap, AppendAnswer::Invalid { .. }), "{gap:?}");
    assert_eq!(db.append(hold.append(2, Next::Complete(payload("x")))).await, AppendAnswer::Accepted);
    db.finish().await;
}
