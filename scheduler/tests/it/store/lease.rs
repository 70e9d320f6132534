//! Leases: renewed by heartbeats, ended by one transaction.

use std::time::Duration;

use piton_scheduler::store::{LeaseTerms, Placement, StoreOptions};
use piton_shared::{
    ids::{RunId, WorkerId},
    journal::StepKey,
    limits::{LEASE, WORKER_KEPT},
    message::{
        append::AppendAnswer,
        worker::{Heartbeat, Intent, UnderWay},
    },
    name::Org,
    state::RunState,
    time::Timestamp,
};
use sqlx::ConnectOptions as _;

use crate::{
    database::Database,
    making::{LONG, ORG, fresh, register},
};

pub(crate) fn beat(worker: WorkerId) -> Heartbeat {
    Heartbeat {
        worker,
        number: 1,
        intent: Intent::Working,
        free_runs: 5,
        free_steps: 6,
        control_applied: 0,
        under_way: Vec::new(),
    }
}

#[tokio::test]
async fn a_registration_is_answered_the_same_until_it_ends() {
    let db = Database::new("lease_register").await;
    let worker = WorkerId::new(fresh());
    for _ in 0..2 {
        let found = db.store.register(&register(worker), LONG).await;
        assert_eq!(found.expect("answered"), Some(LeaseTerms { control_version: 0, lease: LONG }));
    }
    let mut foreign = register(WorkerId::new(fresh()));
    foreign.org = Org::new("nobody").expect("a name");
    assert_eq!(db.store.register(&foreign, LONG).await.expect("answered"), None);
    let list = db.store.workers_list(&ORG, 10).await.expect("listed");
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].worker, list[0].free_runs, list[0].held), (worker, 10, 0));
    assert!(db.store.leave(worker).await.expect("it leaves").is_some());
    assert!(db.store.leave(worker).await.expect("answered").is_none());
    assert_eq!(db.store.register(&register(worker), LONG).await.expect("answered"), None);
    let list = db.store.workers_list(&ORG, 10).await.expect("listed");
    assert_eq!(list[0].end_reason.as_deref(), Some("left"));
    db.finish().await;
}

#[tokio::test]
async fn heartbeats_renew_a_batch_and_miss_the_dead() {
    let db = Database::new("lease_beats").await;
    let (one, two, dead) = (db.worker().await, db.worker().await, db.worker().await);
    db.store.leave(dead).await.expect("it leaves");
    let mut busy = beat(two);
    busy.intent = Intent::Draining;
    busy.control_applied = 7;
    busy.under_way.push(UnderWay {
        run: RunId::new(fresh()),
        key: StepKey::new("a#1"),
        try_number: 1,
        since: Timestamp::EPOCH,
        beat_at: None,
        progress: Some(0.5),
        // A function may say anything.
        note: Some("half\0way".into()),
    });
    let beats = [beat(one), busy.clone(), beat(dead), beat(WorkerId::new(fresh()))];
    let renewed = db.store.heartbeats(&beats, LONG).await.expect("renewed");
    let mut workers: Vec<_> = renewed.iter().map(|beat| beat.worker).collect();
    workers.sort();
    assert_eq!(workers, [one, two]);
    // A late one takes back no control that was applied.
    busy.control_applied = 3;
    db.store.heartbeats(&[busy], LONG).await.expect("renewed");
    let list = db.store.workers_list(&ORG, 10).await.expect("listed");
    let row = list.iter().find(|row| row.worker == two).expect("listed");
    assert_eq!((&row.intent[..], row.free_runs, row.free_steps), ("draining", 5, 6));
    assert_eq!(row.under_way.len(), 1);
    assert!(db.store.control_confirmed(&[two], 7).await.expect("answered"));
    assert!(!db.store.control_confirmed(&[two], 8).await.expect("answered"));
    db.finish().await;
}

/// How long a worker's lease still runs, by its row.
async fn lease_left(db: &Database, worker: WorkerId) -> Duration {
    let list = db.store.workers_list(&ORG, 10).await.expect("listed");
    let row = list.iter().find(|row| row.worker == worker).expect("listed");
    row.lease_until.since(row.beat_at)
}

#[tokio::test]
async fn a_scheduler_with_another_lease_does_not_change_what_a_worker_was_told() {
    let db = Database::new("lease_terms").await;
    let worker = WorkerId::new(fresh());
    let (told, other) = (Duration::from_secs(10), Duration::from_millis(700));
    let terms = |lease| Some(LeaseTerms { control_version: 0, lease });
    assert_eq!(db.store.register(&register(worker), told).await.expect("answered"), terms(told));
    // A rolling change: the worker counts on ten seconds after each heartbeat that is answered, whoever answers it.
    db.store.heartbeats(&[beat(worker)], other).await.expect("renewed");
    assert!(lease_left(&db, worker).await >= told);
    assert_eq!(db.store.register(&register(worker), other).await.expect("answered"), terms(told));
    assert!(lease_left(&db, worker).await >= told);
    db.finish().await;
}

#[tokio::test]
async fn expiry_alone_ends_nothing_and_one_ending_wins() {
    let db = Database::new("lease_end").await;
    let worker = db.worker().await;
    let (one, two) = (db.held(worker).await, db.held(worker).await);
    assert!(db.store.end_lease(worker, 3).await.expect("answered").is_none(), "it is not over");
    db.expire(worker).await;
    assert_eq!(db.store.expired_workers(10).await.expect("listed"), [worker]);
    assert_eq!(db.append(one.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    // It comes back in time.
    db.store.heartbeats(&[beat(worker)], LONG).await.expect("renewed");
    assert!(db.store.end_lease(worker, 3).await.expect("answered").is_none());
    db.expire(worker).await;
    let stores = [db.store.clone(), db.other_store().await];
    let ends = stores.iter().map(|store| store.end_lease(worker, 3));
    let ends = futures::future::join_all(ends).await;
    let requeued: Vec<_> = ends.into_iter().filter_map(|end| end.expect("answered")).collect();
    assert_eq!(requeued.len(), 1);
    assert_eq!(requeued[0].runs.len(), 2);
    for hold in [one, two] {
        let row = db.row(hold.run).await;
        assert_eq!((row.state, row.epoch, row.strikes), (RunState::Queued, 2, 1));
        assert_eq!(db.append(hold.rows(2, &["b#1"])).await, AppendAnswer::Fenced);
    }
    assert!(db.store.heartbeats(&[beat(worker)], LONG).await.expect("answered").is_empty());
    db.finish().await;
}

#[tokio::test]
async fn leaving_is_no_strike() {
    let db = Database::new("lease_leave").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let requeued = db.store.leave(worker).await.expect("it leaves").expect("it was there");
    assert_eq!(requeued.runs[0].run, hold.run);
    assert_eq!(db.row(hold.run).await.strikes, 0);
    db.finish().await;
}

#[tokio::test]
async fn a_lease_that_is_being_ended_waits_for_a_claim_under_way() {
    let db = Database::new("lease_beside_claim").await;
    let worker = db.worker().await;
    let run = db.accept(Placement::Queued).await;
    db.expire(worker).await;
    // The claim has begun: it has the worker's row and waits for the run's.
    let mut lock = db.pool.begin().await.expect("a transaction");
    sqlx::query(include_str!("../sql/lock_run.sql")).bind(run.uuid()).execute(&mut *lock).await.expect("it is locked");
    let wish = db.wish(worker, run).await;
    let claiming = tokio::spawn({
        let store = db.store.clone();
        async move { store.claim(worker, &[wish.ask()]).await }
    });
    db.until_waiting(1).await;
    let ending = tokio::spawn({
        let store = db.other_store().await;
        async move { store.end_lease(worker, 3).await }
    });
    db.until_waiting(2).await;
    lock.rollback().await.expect("it is free");
    let granted = claiming.await.expect("it ran").expect("answered");
    let requeued = ending.await.expect("it ran").expect("answered").expect("it ended");
    assert_eq!(granted.len(), 1);
    assert_eq!(requeued.runs.len(), 1, "what was granted beside it is requeued");
    assert_eq!(db.row(run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_claim_that_comes_while_a_lease_ends_gets_nothing() {
    let db = Database::new("lease_before_claim").await;
    let worker = db.worker().await;
    let (held, run) = (db.held(worker).await, db.accept(Placement::Queued).await);
    db.expire(worker).await;
    // The end has begun: it has the worker's row and waits for a run's.
    let mut lock = db.pool.begin().await.expect("a transaction");
    sqlx::query(include_str!("../sql/lock_run.sql"))
        .bind(held.run.uuid())
        .execute(&mut *lock)
        .await
        .expect("it is locked");
    let ending = tokio::spawn({
        let store = db.other_store().await;
        async move { store.end_lease(worker, 3).await }
    });
    db.until_waiting(1).await;
    let wish = db.wish(worker, run).await;
    let claiming = tokio::spawn({
        let store = db.store.clone();
        async move { store.claim(worker, &[wish.ask()]).await }
    });
    db.until_waiting(2).await;
    lock.rollback().await.expect("it is free");
    assert_eq!(ending.await.expect("it ran").expect("answered").expect("ended").runs.len(), 1);
    assert!(claiming.await.expect("it ran").expect("answered").is_empty());
    assert_eq!(db.row(run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_short_lease_is_over_by_the_database_clock() {
    let db = Database::new("lease_short").await;
    let worker = WorkerId::new(fresh());
    let lease = Duration::from_micros(1);
    db.store.register(&register(worker), lease).await.expect("answered");
    assert_eq!(db.store.expired_workers(10).await.expect("listed"), [worker]);
    db.finish().await;
}

#[tokio::test]
async fn workers_that_ended_long_ago_are_forgotten_unless_they_hold_something() {
    let db = Database::new("lease_forget").await;
    let age = async |worker: WorkerId, seconds: i32| {
        let aged = sqlx::query(include_str!("../sql/age_end.sql")).bind(worker.uuid()).bind(seconds);
        assert_eq!(aged.execute(&db.pool).await.expect("it is ours").rows_affected(), 1);
    };
    let week = i32::try_from(WORKER_KEPT.as_secs()).expect("it fits");
    let mut ended = Vec::new();
    for seconds in [60, week - 60, week + 60, week + 120, week + 180] {
        let worker = db.worker().await;
        assert!(db.store.leave(worker).await.expect("it leaves").is_some());
        age(worker, seconds).await;
        ended.push(worker);
    }
    let alive = db.worker().await;
    let forget = async |rows| db.store.forget_workers(WORKER_KEPT, rows).await.expect("swept");
    assert_eq!(forget(2).await, 2, "no more than it was told");
    assert_eq!(forget(10).await, 1);
    assert_eq!(forget(10).await, 0);

    // No lease ends so, but if one did: what is held is not left without its holder's row.
    let holder = db.worker().await;
    let hold = db.held(holder).await;
    db.tamper(include_str!("../sql/end_behind.sql"), holder.uuid()).await;
    age(holder, week + 60).await;
    assert_eq!(forget(10).await, 0);
    db.tamper(include_str!("../sql/live_again.sql"), holder.uuid()).await;
    assert!(db.store.leave(holder).await.expect("it leaves").is_some());
    age(holder, week + 60).await;
    assert_eq!(forget(10).await, 1);
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);

    // The young, the live and nobody else are there; one that is forgotten is as one that ended.
    let beats: Vec<_> = [ended[0], ended[4], alive].into_iter().map(beat).collect();
    let answered = db.store.heartbeats(&beats, LONG).await.expect("answered");
    assert_eq!(answered.iter().map(|beat| beat.worker).collect::<Vec<_>>(), [alive]);
    for worker in [ended[0], ended[4]] {
        assert!(db.store.leave(worker).await.expect("answered").is_none());
        assert!(db.store.control_confirmed(&[worker], 1).await.expect("answered"));
    }
    db.finish().await;
}

#[tokio::test]
async fn connections_let_go_of_what_they_lock_before_a_lease_ends() {
    let db = Database::new("lease_locks").await;
    let options = StoreOptions::new(&*db.url).connection().expect("a good address");
    let mut connection = options.connect().await.expect("it connects");
    let bounds: Vec<i64> = sqlx::query_scalar(include_str!("../sql/lock_bounds.sql"))
        .fetch_all(&mut connection)
        .await
        .expect("the settings are there");
    let lease = i64::try_from(LEASE.as_millis()).expect("it fits");
    assert_eq!(bounds.len(), 2);
    assert!(bounds.iter().all(|millis| (1..lease).contains(millis)), "{bounds:?}");
    db.finish().await;
}
