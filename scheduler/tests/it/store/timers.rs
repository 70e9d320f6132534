//! Timers: once, never early, whatever state the run is in.

use std::time::Duration;

use piton_shared::{
    message::append::{AppendAnswer, Next},
    parked::Parked,
    state::RunState,
};

use crate::{
    database::Database,
    making::{Hold, LONG, ORG, With, payload, row},
};

async fn sleeping(db: &Database, hold: &Hold) {
    let sleep = hold.append(1, Next::GoOn).with_sleep("s#1", LONG);
    assert_eq!(db.append(sleep).await, AppendAnswer::Accepted);
}

#[tokio::test]
async fn nothing_fires_early() {
    let db = Database::new("timers_early").await;
    let worker = db.worker().await;
    let run = db.suspended(worker).await.run;
    assert!(db.store.fire_due(10).await.expect("looked").is_empty());
    let due = db.store.next_due().await.expect("looked").expect("one waits");
    assert!(due > LONG / 2 && due <= LONG, "{due:?}");
    assert_eq!(db.row(run).await.state, RunState::Suspended);
    let soon = db.held(worker).await;
    let append = soon.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", Duration::from_millis(30));
    db.append(append).await;
    let fired = loop {
        let fired = db.store.fire_due(10).await.expect("looked");
        if !fired.is_empty() {
            break fired;
        }
    };
    assert_eq!(fired[0].run, soon.run);
    let told = db.store.journal_outside(soon.run, 0, 10).await.expect("read");
    let slept = told[0].finished_at.since(told[0].started_at);
    assert!(slept >= Duration::from_millis(30), "{slept:?}");
    db.finish().await;
}

#[tokio::test]
async fn a_holder_is_told_and_a_suspended_run_is_queued() {
    let db = Database::new("timers_states").await;
    let worker = db.worker().await;
    let running = db.held(worker).await;
    sleeping(&db, &running).await;
    let suspended = db.suspended(worker).await;
    for hold in [&running, &suspended] {
        db.make_due(hold.run).await;
    }
    let fired = db.store.fire_due(10).await.expect("fired");
    assert_eq!(fired.len(), 2);
    let of = |hold: &Hold| fired.iter().find(|told| told.run == hold.run).expect("told");
    let woken = of(&running);
    assert_eq!(woken.holder, Some((worker, running.attempt)));
    assert_eq!((woken.outside, woken.fired), (1, 1));
    assert!(woken.publish.is_none());
    assert!(woken.lag >= Duration::from_secs(1));
    let queued = of(&suspended).publish.as_ref().expect("it is published");
    assert_eq!((queued.epoch.0, queued.state), (2, RunState::Queued));
    assert_eq!(of(&suspended).holder, None);
    assert!(db.store.fire_due(10).await.expect("looked").is_empty());
    assert_eq!(db.store.next_due().await.expect("looked"), None);
    assert_eq!(db.journal(running.run).await, ["s#1 sleep outside 1"]);
    let again = db.take(worker, suspended.run).await;
    assert_eq!(db.append(again.append(1, Next::Complete(payload("x")))).await, AppendAnswer::Accepted);
    db.finish().await;
}

#[tokio::test]
async fn a_run_that_waits_elsewhere_keeps_its_place() {
    let db = Database::new("timers_elsewhere").await;
    let worker = db.worker().await;
    let (queued, parked, killed, backlog) =
        (db.held(worker).await, db.held(worker).await, db.held(worker).await, db.held(worker).await);
    for hold in [&queued, &parked, &killed, &backlog] {
        sleeping(&db, hold).await;
    }
    db.store.hand_back(worker, &[(queued.run, queued.attempt)], None).await.expect("back");
    db.store.hand_back(worker, &[(backlog.run, backlog.attempt)], Some(LONG)).await.expect("back");
    let reason = Parked::Panic { message: "oh".into() };
    db.append(parked.append(2, Next::Park(reason))).await;
    for hold in [&queued, &parked, &killed, &backlog] {
        db.make_due(hold.run).await;
    }
    db.store.kill(killed.run, &ORG).await.expect("killed");
    let fired = db.store.fire_due(10).await.expect("fired");
    assert_eq!(fired.len(), 3);
    assert!(fired.iter().all(|told| told.publish.is_none() && told.holder.is_none()));
    for (hold, state) in [
        (&queued, RunState::Queued),
        (&parked, RunState::Parked),
        (&killed, RunState::Killed),
        (&backlog, RunState::Backlog),
    ] {
        assert_eq!(db.row(hold.run).await.state, state);
        let told = usize::from(state != RunState::Killed);
        assert_eq!(db.journal(hold.run).await.len(), told, "{state}");
    }
    let granted = db.claim(&db.wish(worker, queued.run).await).await.expect("granted");
    assert_eq!(granted.outside, 1);
    db.finish().await;
}

#[tokio::test]
async fn two_schedulers_at_once_fire_once() {
    let db = Database::new("timers_two").await;
    let worker = db.worker().await;
    let mut runs = Vec::new();
    for _ in 0..60 {
        let hold = db.held(worker).await;
        let append = hold
            .append(1, Next::Suspend { seen_outside: 0 })
            .with_sleep("a#1", Duration::ZERO)
            .with_sleep("b#1", Duration::ZERO)
            .with_sleep("c#1", LONG);
        assert_eq!(db.append(append).await, AppendAnswer::Accepted);
        runs.push(hold.run);
    }
    let stores = [db.store.clone(), db.other_store().await, db.other_store().await];
    let firing = stores.iter().map(|store| async move {
        let mut fired = 0;
        loop {
            let told = store.fire_due(7).await.expect("fired");
            fired += told.iter().map(|told| told.fired).sum::<u32>();
            let due = store.next_due().await.expect("looked").expect("some wait");
            if told.is_empty() && due > Duration::ZERO {
                return fired;
            }
        }
    });
    let fired = futures::future::join_all(firing).await;
    assert_eq!(fired.iter().sum::<u32>(), 120);
    for run in runs {
        let mut journal = db.journal(run).await;
        journal.sort();
        assert_eq!(journal.len(), 2);
        assert_eq!(db.waits(run).await, ["c#1"]);
        assert_eq!(db.row(run).await.epoch, 2);
    }
    db.finish().await;
}

#[tokio::test]
async fn a_timer_whose_answer_stands_already_holds_up_nobody() {
    let db = Database::new("timers_answered").await;
    let worker = db.worker().await;
    let (confused, fine) = (db.held(worker).await, db.held(worker).await);
    // The worker answered the call itself and set a timer for it all the same.
    let mut append = confused.append(1, Next::GoOn).with_sleep("s#1", LONG);
    append.append.rows.push(row("s#1", 1, 0));
    assert_eq!(db.append(append).await, AppendAnswer::Accepted);
    sleeping(&db, &fine).await;
    for hold in [&confused, &fine] {
        db.make_due(hold.run).await;
    }
    let fired = db.store.fire_due(10).await.expect("fired");
    assert_eq!(fired.iter().map(|told| told.run).collect::<Vec<_>>(), [fine.run]);
    assert!(db.waits(confused.run).await.is_empty());
    assert_eq!(db.store.next_due().await.expect("looked"), None);
    db.finish().await;
}

#[tokio::test]
async fn a_locked_run_is_left_for_next_time() {
    let db = Database::new("timers_locked").await;
    let run = db.suspended(db.worker().await).await.run;
    db.make_due(run).await;
    let mut lock = db.pool.begin().await.expect("a transaction");
    sqlx::query(include_str!("../sql/lock_run.sql")).bind(run.uuid()).execute(&mut *lock).await.expect("locked");
    assert!(db.store.fire_due(10).await.expect("looked").is_empty());
    lock.rollback().await.expect("free");
    assert_eq!(db.store.fire_due(10).await.expect("looked").len(), 1);
    db.finish().await;
}
