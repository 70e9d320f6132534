//! What one append comes to.

use piton_shared::{
    message::append::{AppendAnswer, Next},
    state::RunState,
};

use crate::{
    database::Database,
    making::{LONG, With, payload},
};

#[tokio::test]
async fn rows_are_written_once_however_often_they_are_sent() {
    let db = Database::new("append_rows").await;
    let hold = db.held(db.worker().await).await;
    let append = hold.rows(1, &["a#1", "b#1"]).with_failed_try("a#1", 1);
    for _ in 0..3 {
        assert_eq!(db.append(append.clone()).await, AppendAnswer::Accepted);
    }
    assert_eq!(db.journal(hold.run).await, ["a#1 step own 1 after 0", "b#1 step own 2 after 0"]);
    let tries = db.store.tries_of(hold.run, 10).await.expect("tries");
    assert_eq!(tries.len(), 1);
    assert_eq!(tries[0].failure.message, "declined");
    db.finish().await;
}

#[tokio::test]
async fn a_repeat_that_brings_more_rows_writes_the_missing_ones() {
    let db = Database::new("append_more_rows").await;
    let hold = db.held(db.worker().await).await;
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    assert_eq!(db.append(hold.rows(1, &["a#1", "b#1"])).await, AppendAnswer::Accepted);
    let last = hold.append(1, Next::Complete(payload("done"))).with_rows(2, &["b#1", "c#1"]);
    assert_eq!(db.append(last).await, AppendAnswer::Accepted);
    assert_eq!(db.journal(hold.run).await.len(), 3);
    assert_eq!(db.row(hold.run).await.state, RunState::Completed);
    db.finish().await;
}

#[tokio::test]
async fn another_attempt_writes_nothing() {
    let db = Database::new("append_fenced").await;
    let worker = db.worker().await;
    let old = db.held(worker).await;
    let back = [(old.run, old.attempt)];
    db.store.hand_back(worker, &back, None).await.expect("it comes back");
    for append in [
        old.rows(1, &["a#1"]),
        old.append(1, Next::Complete(payload("x"))),
        old.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("s#1", LONG),
    ] {
        assert_eq!(db.append(append).await, AppendAnswer::Fenced);
    }
    let new = db.take(worker, old.run).await;
    assert_eq!(db.append(old.rows(1, &["a#1"])).await, AppendAnswer::Fenced);
    // The right attempt in the wrong hands is as wrong.
    let mut stolen = new.rows(1, &["a#1"]);
    stolen.worker = db.worker().await;
    assert_ne!(db.outcomes(vec![stolen]).await, [Ok(AppendAnswer::Accepted)]);
    assert!(db.journal(old.run).await.is_empty());
    assert_eq!(db.append(new.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    db.finish().await;
}

#[tokio::test]
async fn a_number_is_written_once_and_a_gap_is_refused() {
    let db = Database::new("append_numbers").await;
    let hold = db.held(db.worker().await).await;
    let first = hold.append(1, Next::GoOn).with_sleep("s#1", LONG);
    let second = hold.append(2, Next::GoOn).without("s#1").with_rows(1, &["a#1"]);
    for append in [&first, &first, &second] {
        assert_eq!(db.append(append.clone()).await, AppendAnswer::Accepted);
    }
    // Late repeats of both: the timer that was taken back does not come again.
    for append in [&first, &second, &first] {
        assert_eq!(db.append(append.clone()).await, AppendAnswer::Accepted);
    }
    assert!(db.waits(hold.run).await.is_empty());
    let gap = hold.append(4, Next::Complete(payload("x")));
    assert!(matches!(db.append(gap).await, AppendAnswer::Invalid { .. }));
    assert_eq!(db.row(hold.run).await.state, RunState::Running);
    db.finish().await;
}

#[tokio::test]
async fn what_was_computed_by_running_ahead_of_another_result_is_not_written() {
    let db = Database::new("append_superseded").await;
    let worker = db.worker().await;
    let old = db.held(worker).await;
    assert_eq!(db.append(old.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    let back = [(old.run, old.attempt)];
    db.store.hand_back(worker, &back, None).await.expect("it comes back");
    let new = db.take(worker, old.run).await;
    let append = new.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]).with_sleep("s#1", LONG);
    for _ in 0..2 {
        assert_eq!(db.append(append.clone()).await, AppendAnswer::Superseded);
    }
    let row = db.row(old.run).await;
    assert_eq!((row.state, row.result), (RunState::Running, None));
    assert!(db.waits(old.run).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn an_append_of_nothing_is_accepted() {
    let db = Database::new("append_nothing").await;
    let hold = db.held(db.worker().await).await;
    assert_eq!(db.append(hold.append(0, Next::GoOn)).await, AppendAnswer::Accepted);
    assert!(db.outcomes(Vec::new()).await.is_empty());
    db.finish().await;
}

#[tokio::test]
async fn failed_tries_alone_are_written() {
    let db = Database::new("append_tries").await;
    let hold = db.held(db.worker().await).await;
    for number in [1, 2, 2] {
        let append = hold.append(0, Next::GoOn).with_failed_try("a#1", number);
        assert_eq!(db.append(append).await, AppendAnswer::Accepted);
    }
    let tries = db.store.tries_of(hold.run, 10).await.expect("tries");
    let numbers: Vec<_> = tries.iter().map(|found| found.try_number).collect();
    assert_eq!(numbers, [1, 2]);
    db.finish().await;
}
