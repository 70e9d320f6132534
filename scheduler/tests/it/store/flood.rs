//! Very many timers that are due at once.

use std::{collections::HashSet, time::Duration};

use piton_scheduler::store::{Depth, Room};
use piton_shared::{
    limits::{FIRE_ROWS, QUEUE_DEPTH},
    message::append::{AppendAnswer, Next},
    name::Queue,
    state::RunState,
};

use crate::{
    database::Database,
    making::{ORG, With, publish_next},
};

/// Timers that are due at once: enough for many rounds.
const TIMERS: i32 = 20_000;

async fn seed(db: &Database, timers: i32) {
    sqlx::query(include_str!("../sql/seed_sleepers.sql")).bind(timers).execute(&db.pool).await.expect("they sleep");
}

async fn fired_once(db: &Database) -> i64 {
    sqlx::query_scalar(include_str!("../sql/fired_once.sql")).fetch_one(&db.pool).await.expect("counted")
}

async fn runs_in(db: &Database, state: RunState) -> i64 {
    let count = sqlx::query_scalar(include_str!("../sql/runs_in.sql")).bind(state.as_str());
    count.fetch_one(&db.pool).await.expect("counted")
}

#[tokio::test]
async fn due_timers_are_taken_in_rounds_and_what_is_set_meanwhile_gets_its_turn() {
    let db = Database::new("flood_rounds").await;
    let worker = db.worker().await;
    seed(&db, TIMERS).await;
    let bound = usize::try_from(FIRE_ROWS).expect("it is positive");
    let mut seen = HashSet::new();
    let mut meanwhile = Vec::new();
    let mut turn = None;
    for round in 1.. {
        let fired = db.store.fire_due(FIRE_ROWS).await.expect("fired");
        if fired.is_empty() {
            break;
        }
        assert!(fired.len() <= bound, "{} in one round", fired.len());
        for told in &fired {
            assert!(seen.insert(told.run), "{} was woken again", told.run);
            assert_eq!((told.fired, told.outside), (1, 1));
        }
        if meanwhile.first().is_some_and(|run| seen.contains(run)) {
            turn.get_or_insert(round);
        }
        // Others are set all the time, due at once: they come behind those that are due already, and before any that are
        // due later.
        if round <= 10 {
            let hold = db.held(worker).await;
            let next = hold.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", Duration::ZERO);
            assert_eq!(db.append(next).await, AppendAnswer::Accepted);
            meanwhile.push(hold.run);
        }
    }
    let timers = usize::try_from(TIMERS).expect("it is positive");
    assert_eq!(seen.len(), timers + meanwhile.len());
    assert_eq!(turn, Some(timers / bound + 1), "it waited for those before it and for nobody else");
    assert_eq!(fired_once(&db).await, i64::from(TIMERS) + 10);
    db.finish().await;
}

#[tokio::test]
async fn what_others_are_firing_holds_up_nobody() {
    let db = Database::new("flood_locked").await;
    let first = db.suspended(db.worker().await).await.run;
    db.tamper(include_str!("../sql/make_due_early.sql"), first.uuid()).await;
    seed(&db, 1).await;
    let mut lock = db.pool.begin().await.expect("a transaction");
    sqlx::query(include_str!("../sql/lock_run.sql")).bind(first.uuid()).execute(&mut *lock).await.expect("locked");
    let fired = db.store.fire_due(1).await.expect("fired");
    assert_eq!(fired.len(), 1, "the one behind it");
    assert_ne!(fired[0].run, first);
    lock.rollback().await.expect("free");
    assert_eq!(db.store.fire_due(1).await.expect("fired")[0].run, first);
    db.finish().await;
}

#[tokio::test]
async fn three_loops_beside_each_other_fire_each_once() {
    let db = Database::new("flood_three").await;
    seed(&db, TIMERS).await;
    let stores = [db.store.clone(), db.other_store().await, db.other_store().await];
    let loops = stores.map(|store| {
        tokio::spawn(async move {
            let mut woken = Vec::new();
            loop {
                let told = store.fire_due(FIRE_ROWS).await.expect("fired");
                let over = told.is_empty();
                woken.extend(told.into_iter().map(|told| told.run));
                if over && store.next_due().await.expect("looked").is_none() {
                    return woken;
                }
            }
        })
    });
    let mut woken = Vec::new();
    for one in loops {
        let by_one = one.await.expect("it ran");
        assert!(!by_one.is_empty(), "it took no part");
        woken.extend(by_one);
    }
    let each: HashSet<_> = woken.iter().copied().collect();
    assert_eq!((woken.len(), each.len()), (20_000, 20_000));
    assert_eq!(fired_once(&db).await, i64::from(TIMERS));
    db.finish().await;
}

#[tokio::test]
async fn what_wakes_beyond_its_queues_room_waits_in_the_backlog_and_is_fed_from_there() {
    let db = Database::new("flood_backlog").await;
    seed(&db, 300).await;
    let mut left = QUEUE_DEPTH;
    let place = |org: &_, queue: &_, build: Option<&_>| {
        assert_eq!((org, queue, build), (&ORG, &Queue::DEFAULT, None));
        match left.checked_sub(1) {
            Some(less) => {
                left = less;
                Room::Some
            }
            None => Room::None,
        }
    };
    let told = db.store.fire_due_into(300, place).await.expect("fired");
    assert_eq!(told.len(), 300);
    let published = told.iter().filter_map(|told| told.publish.as_ref()).count();
    assert_eq!(published, 64);
    assert_eq!((runs_in(&db, RunState::Queued).await, runs_in(&db, RunState::Backlog).await), (64, 236));
    assert_eq!(fired_once(&db).await, 300, "the timers of all of them have fired");
    db.assert_rules().await;
    let depth = Depth { org: ORG, queue: Queue::DEFAULT, build: None, published: 64, backlog: 236 };
    assert_eq!(db.store.queue_depths(1000).await.expect("counted"), std::slice::from_ref(&depth));
    let fed = publish_next(&db.store, &depth, 1000).await;
    assert_eq!((fed.len(), runs_in(&db, RunState::Queued).await), (236, 300));
    let one = db.take(db.worker().await, fed[0].run).await;
    assert_eq!(db.append(one.append(1, Next::Complete(crate::making::payload("x")))).await, AppendAnswer::Accepted);
    db.finish().await;
}
