//! What becomes of a run after an append.

use piton_scheduler::store::ResumeOutcome;
use piton_shared::{
    failure::Failure,
    message::append::{AppendAnswer, Next},
    parked::Parked,
    state::RunState,
};

use crate::{
    database::Database,
    making::{LONG, ORG, With, payload},
};

#[tokio::test]
async fn a_run_ends_once_and_leaves_nothing_behind() {
    let db = Database::new("append_ends").await;
    let worker = db.worker().await;
    let failure = Failure::new("no");
    for (next, state) in [
        (Next::Complete(payload("done")), RunState::Completed),
        (Next::Fail(failure.clone()), RunState::Failed),
        (Next::Cancel(failure.clone()), RunState::Cancelled),
    ] {
        let hold = db.held(worker).await;
        let sleep = hold.append(1, Next::GoOn).with_sleep("s#1", LONG);
        assert_eq!(db.append(sleep).await, AppendAnswer::Accepted);
        // It forgot about one timer, and about another that it sets as it ends.
        let end = hold.append(2, next).with_rows(1, &["a#1"]).with_sleep("s#2", LONG);
        for _ in 0..2 {
            assert_eq!(db.append(end.clone()).await, AppendAnswer::Accepted);
        }
        let row = db.row(hold.run).await;
        assert_eq!(row.state, state);
        assert!(row.finished_at.is_some() && row.worker.is_none());
        if state == RunState::Completed {
            assert_eq!(row.result, Some(payload("done")));
        } else {
            assert_eq!(row.failure.as_ref(), Some(&failure));
        }
        let late = hold.append(3, Next::Fail(failure.clone()));
        assert_eq!(db.append(late).await, AppendAnswer::Fenced);
        assert_eq!(db.row(hold.run).await.state, state);
        db.assert_rules().await;
    }
    db.finish().await;
}

#[tokio::test]
async fn a_run_suspends_unless_more_came_than_it_has_seen() {
    let db = Database::new("append_suspend").await;
    let worker = db.worker().await;
    let hold = db.suspended(worker).await;
    let row = db.row(hold.run).await;
    assert_eq!((row.state, row.worker), (RunState::Suspended, None));

    let hold = db.held(worker).await;
    db.store.cancel(hold.run, &ORG, "stop").await.expect("told");
    let suspend = |seen_outside| hold.append(1, Next::Suspend { seen_outside }).with_sleep("s#1", LONG);
    for _ in 0..2 {
        let AppendAnswer::Overtaken { outside } = db.append(suspend(0)).await else {
            panic!("it was not overtaken");
        };
        assert_eq!(outside.len(), 1);
        assert_eq!(outside[0].key.as_str(), "cancel#1");
    }
    assert_eq!(db.row(hold.run).await.state, RunState::Running);
    // The timer was set all the same: what is said next has the next number.
    assert_eq!(db.waits(hold.run).await, ["s#1"]);
    let again = hold.append(2, Next::Suspend { seen_outside: 1 });
    assert_eq!(db.append(again.clone()).await, AppendAnswer::Accepted);
    assert_eq!(db.append(again).await, AppendAnswer::Accepted);
    assert_eq!(db.row(hold.run).await.state, RunState::Suspended);
    db.finish().await;
}

#[tokio::test]
async fn a_parked_run_says_why_and_comes_back() {
    let db = Database::new("append_park").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    // A message that no database takes as it is.
    let reason = Parked::Panic { message: "bad \0 byte".into() };
    let park = hold.append(1, Next::Park(reason)).with_rows(1, &["a#1"]).with_sleep("s#1", LONG);
    for _ in 0..2 {
        assert_eq!(db.append(park.clone()).await, AppendAnswer::Accepted);
    }
    let row = db.row(hold.run).await;
    assert_eq!(row.state, RunState::Parked);
    assert!(matches!(row.parked, Some(Parked::Panic { message }) if message.starts_with("bad ")), "the reason is kept");
    db.assert_rules().await;
    let resumed = db.store.resume(hold.run, &ORG).await.expect("it resumes");
    let ResumeOutcome::Resumed { run: published, .. } = resumed.expect("it is there") else { panic!("it was parked") };
    assert_eq!(published.epoch.0, 2);
    let again = db.take(worker, hold.run).await;
    let done = again.append(1, Next::Complete(payload("done")));
    assert_eq!(db.append(done).await, AppendAnswer::Accepted);
    db.finish().await;
}

#[tokio::test]
async fn a_new_step_forgets_the_strikes() {
    let db = Database::new("append_strikes").await;
    let dying = db.worker().await;
    let run = db.held(dying).await.run;
    db.expire(dying).await;
    db.store.end_lease(dying, 3).await.expect("it ends");
    assert_eq!(db.row(run).await.strikes, 1);
    let hold = db.take(db.worker().await, run).await;
    let tries = hold.append(0, Next::GoOn).with_failed_try("a#1", 1);
    assert_eq!(db.append(tries).await, AppendAnswer::Accepted);
    assert_eq!(db.row(run).await.strikes, 1, "a try is no step");
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    assert_eq!(db.row(run).await.strikes, 0);
    db.finish().await;
}
