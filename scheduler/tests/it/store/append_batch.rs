//! Many appends in one commit: nobody pays for another's trouble.

use piton_scheduler::store::Wrote;
use piton_shared::{
    ids::RunId,
    journal::Place,
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use crate::{
    database::Database,
    making::{LONG, With, payload},
};

#[tokio::test]
async fn a_good_batch_is_one_statement() {
    let db = Database::new("batch_whole").await;
    let worker = db.worker().await;
    let mut appends = Vec::new();
    for number in 0..50 {
        let hold = db.held(worker).await;
        appends.push(match number % 5 {
            0 => hold.rows(1, &["a#1"]),
            1 => hold.append(1, Next::Complete(payload("done"))).with_rows(1, &["a#1", "b#1"]),
            2 => hold.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", LONG),
            3 => hold.append(1, Next::GoOn).with_sleep("s#1", LONG),
            _ => hold.append(0, Next::GoOn).with_failed_try("a#1", 1),
        });
    }
    appends.sort_by_key(|appending| appending.append.run);
    let first = db.store.append(&appends).await.expect("it is written");
    assert!(first.wrote.iter().all(|wrote| *wrote == Wrote::All));
    assert_eq!(first.ended.len(), 10);
    let due = first.next_due.expect("timers were set");
    assert!((3_500_000_000..=3_600_000_000).contains(&due), "{due}");
    db.finish().await;
}

#[tokio::test]
async fn a_bad_row_is_refused_alone() {
    let db = Database::new("batch_bad_row").await;
    let worker = db.worker().await;
    let mut appends = Vec::new();
    let mut bad = Vec::new();
    for number in 0..9 {
        let hold = db.held(worker).await;
        let mut append = hold.append(1, Next::Complete(payload("done"))).with_rows(1, &["a#1"]);
        match number {
            // Text that Postgres cannot hold, a number its checks refuse, a key too long for an index.
            2 => append.append.rows[0].name = "nul \0".into(),
            5 => append.append.rows[0].place = Place::Own { number: 0, after: 0 },
            7 => {
                let long: String = (0..4000).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
                append.append.rows[0].key = piton_shared::journal::StepKey::new(long);
            }
            _ => {}
        }
        if [2, 5, 7].contains(&number) {
            bad.push(hold.run);
        }
        appends.push(append);
    }
    appends.sort_by_key(|appending| appending.append.run);
    let runs: Vec<RunId> = appends.iter().map(|appending| appending.append.run).collect();
    let outcomes = db.outcomes(appends).await;
    for (run, outcome) in runs.iter().zip(outcomes) {
        let state = db.row(*run).await.state;
        if bad.contains(run) {
            assert!(matches!(outcome, Ok(AppendAnswer::Invalid { .. })), "{outcome:?}");
            assert_eq!(state, RunState::Running);
        } else {
            assert_eq!(outcome, Ok(AppendAnswer::Accepted));
            assert_eq!(state, RunState::Completed);
        }
    }
    db.finish().await;
}

#[tokio::test]
async fn one_append_that_was_overtaken_does_not_hold_up_the_others() {
    let db = Database::new("batch_mixed").await;
    let worker = db.worker().await;
    let old = db.held(worker).await;
    db.append(old.rows(1, &["a#1"])).await;
    let back = [(old.run, old.attempt)];
    db.store.hand_back(worker, &back, None).await.expect("it comes back");
    let superseded = db.take(worker, old.run).await;
    let fenced = old;
    let repeated = db.held(worker).await;
    let repeat = repeated.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    db.append(repeat.clone()).await;
    let good = db.held(worker).await;
    let sleeper = db.held(worker).await;
    let gap = db.held(worker).await;
    let appends = vec![
        superseded.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]),
        repeat,
        good.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]).with_failed_try("a#1", 1),
        sleeper.append(1, Next::Suspend { seen_outside: 0 }).with_rows(1, &["a#1"]).with_sleep("s#1", LONG),
        gap.append(2, Next::GoOn),
    ];
    let mut runs: Vec<_> = appends.iter().map(|one| one.append.run).collect();
    runs.sort();
    let outcomes = db.outcomes(appends).await;
    let of = |run| {
        let place = runs.iter().position(|one| *one == run).expect("it is there");
        outcomes[place].clone().expect("it is known")
    };
    assert_eq!(of(superseded.run), AppendAnswer::Superseded);
    assert_eq!(of(repeated.run), AppendAnswer::Accepted);
    assert_eq!(of(good.run), AppendAnswer::Accepted);
    assert_eq!(of(sleeper.run), AppendAnswer::Accepted);
    assert!(matches!(of(gap.run), AppendAnswer::Invalid { .. }));
    assert_eq!(db.row(good.run).await.state, RunState::Completed);
    assert_eq!(db.row(sleeper.run).await.state, RunState::Suspended);
    assert_eq!(db.append(fenced.rows(1, &["b#1"])).await, AppendAnswer::Fenced);
    db.finish().await;
}

#[tokio::test]
async fn a_locked_run_is_set_aside_and_comes_after() {
    let db = Database::new("batch_locked").await;
    let worker = db.worker().await;
    let (locked, free) = (db.held(worker).await, db.held(worker).await);
    let mut lock = db.pool.begin().await.expect("a transaction");
    sqlx::query(include_str!("../sql/lock_run.sql"))
        .bind(locked.run.uuid())
        .execute(&mut *lock)
        .await
        .expect("it is locked");
    let complete = |hold: &crate::making::Hold| hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    let outcomes = db.outcomes(vec![complete(&locked), complete(&free)]).await;
    assert_eq!(outcomes.iter().filter(|one| **one == Ok(AppendAnswer::Accepted)).count(), 1);
    assert_eq!(outcomes.iter().filter(|one| one.is_err()).count(), 1, "not known: asked again");
    assert_eq!(db.row(free.run).await.state, RunState::Completed);
    assert_eq!(db.row(locked.run).await.state, RunState::Running);
    lock.rollback().await.expect("it is free");
    assert_eq!(db.append(complete(&locked)).await, AppendAnswer::Accepted);
    db.finish().await;
}
