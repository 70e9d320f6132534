//! The cheap statements write what the one for everything writes.

use piton_scheduler::store::{Appending, Burden, FirstPass, StoreError, Wrote, burden};
use piton_shared::{
    failure::Failure,
    ids::{AttemptId, Epoch, RunId, WorkerId},
    message::{
        append::{AppendAnswer, Next},
        state::StateScope,
    },
};

use crate::{
    database::Database,
    making::{Hold, LONG, ORG, With, fresh, payload, set},
};

/// The statements, by what they can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Whole,
    Plain,
    Rows,
}

impl Database {
    async fn write(&self, by: By, appends: &[Appending]) -> Result<FirstPass, StoreError> {
        match by {
            By::Whole => self.store.append(appends).await,
            By::Plain => self.store.append_plain(appends).await,
            By::Rows => self.store.append_rows(appends).await,
        }
    }

    /// A run with a timer, a step that somebody executes, and a value of state.
    async fn burdened(&self, home: WorkerId) -> Hold {
        let hold = self.held(home).await;
        assert_eq!(
            self.append(hold.writes(1, 1, set(StateScope::Run, "a", Some("x"), 0))).await,
            AppendAnswer::Accepted
        );
        let calls = hold.append(2, Next::GoOn).with_sleep("sleep#1", LONG).with_step("b#1");
        let offers = self.store.append(&[calls]).await.expect("it is written").offers;
        self.claim_step(home, &offers[0]).await.expect("it is granted");
        hold
    }

    /// What is to be seen of a run.
    async fn seen(&self, hold: &Hold) -> String {
        let row = self.row(hold.run).await;
        let (journal, waits) = (self.journal(hold.run).await, self.waits(hold.run).await);
        let (value, version) = {
            let state = self.store.state(hold.run, StateScope::Run, "a").await.expect("it is read");
            (state.value, state.version)
        };
        format!(
            "{:?} held by somebody: {}, ended: {}, {:?} {:?} {journal:?} {waits:?} {value:?} {version}",
            row.state,
            row.worker.is_some(),
            row.finished_at.is_some(),
            row.result,
            row.failure.map(|failure| failure.message)
        )
    }
}

#[test]
fn an_append_that_brings_anything_else_is_not_plain() {
    let hold = Hold {
        run: RunId::new(fresh()),
        epoch: Epoch(1),
        attempt: AttemptId::new(fresh()),
        worker: WorkerId::new(fresh()),
    };
    let end = || Next::Complete(payload("done"));
    let cases = [
        (hold.rows(1, &["a#1"]), Burden::Rows),
        (hold.append(0, Next::GoOn), Burden::Rows),
        (hold.append(1, Next::GoOn).with_rows(1, &["a#1"]), Burden::Any),
        (hold.append(1, end()), Burden::End),
        (hold.append(1, Next::Fail(failure())).with_rows(1, &["a#1"]), Burden::End),
        (hold.append(1, Next::Cancel(failure())), Burden::End),
        (hold.append(1, end()).with_failed_try("a#1", 1), Burden::Any),
        (hold.append(1, end()).without("a#1"), Burden::Any),
        (hold.rows(1, &["a#1"]).with_sleep("s#1", LONG), Burden::Any),
        (hold.rows(1, &["a#1"]).with_step("s#1"), Burden::Any),
        (hold.writes(1, 1, set(StateScope::Run, "a", None, 0)), Burden::Any),
        (hold.append(1, Next::Suspend { seen_outside: 0 }), Burden::Any),
    ];
    for (append, expected) in cases {
        assert_eq!(burden(&append.append), expected, "{append:?}");
    }
}

fn failure() -> Failure {
    Failure::permanent("declined")
}

#[tokio::test]
async fn every_end_leaves_the_same_behind() {
    let db = Database::new("plain_ends").await;
    let home = db.worker().await;
    for end in [Next::Complete(payload("done")), Next::Fail(failure()), Next::Cancel(failure())] {
        let mut left = Vec::new();
        for by in [By::Whole, By::Plain] {
            let hold = db.burdened(home).await;
            let append = hold.append(3, end.clone()).with_rows(2, &["c#1", "d#1"]);
            let pass = db.write(by, &[append]).await.expect("it is written");
            assert_eq!((&pass.wrote[..], &pass.ended[..]), (&[Wrote::All][..], &[hold.run][..]));
            assert_eq!(pass.dropped.len(), 1, "who executes its step is told");
            left.push(db.seen(&hold).await);
        }
        assert_eq!(left[0], left[1], "{end:?}");
        assert!(left[0].contains("ended: true") && left[0].contains("d#1"), "{}", left[0]);
    }
    db.finish().await;
}

#[tokio::test]
async fn rows_are_the_same_by_each_of_them() {
    let db = Database::new("plain_rows").await;
    let home = db.worker().await;
    let mut left = Vec::new();
    for by in [By::Whole, By::Plain, By::Rows] {
        let (hold, other) = (db.burdened(home).await, db.held(home).await);
        let mut appends = [hold.rows(2, &["c#1", "d#1"]), other.rows(1, &["c#1"])];
        appends.sort_by_key(|one| one.append.run);
        let pass = db.write(by, &appends).await.expect("it is written");
        assert_eq!((&pass.wrote[..], pass.ended.len(), pass.dropped.len()), (&[Wrote::All; 2][..], 0, 0), "{by:?}");
        left.push([db.seen(&hold).await, db.seen(&other).await]);
    }
    assert_eq!(left[0], left[1]);
    assert_eq!(left[0], left[2]);
    db.finish().await;
}

#[tokio::test]
async fn what_is_not_in_its_hands_is_lost_alone() {
    let db = Database::new("plain_lost").await;
    let home = db.worker().await;
    for by in [By::Plain, By::Rows] {
        let (mine, late, stolen, ended, paused) =
            (db.held(home).await, db.held(home).await, db.held(home).await, db.held(home).await, db.held(home).await);
        db.store.hand_back(home, &[(late.run, late.attempt)], None).await.expect("it comes back");
        db.append(ended.append(1, Next::Complete(payload("x")))).await;
        // Nothing that a pause stops: what was computed is written.
        db.store.pause(paused.run, &ORG).await.expect("answered");
        let thief = Hold { worker: WorkerId::new(fresh()), ..stolen };
        let mut appends: Vec<_> =
            [mine, late, thief, ended, paused].iter().map(|hold| hold.rows(1, &["a#1"])).collect();
        appends.sort_by_key(|one| one.append.run);
        let pass = db.write(by, &appends).await.expect("it is written");
        for (append, wrote) in appends.iter().zip(pass.wrote) {
            let run = append.append.run;
            let good = [mine.run, paused.run].contains(&run);
            assert_eq!(wrote, if good { Wrote::All } else { Wrote::Lost }, "{by:?}");
            let rows = db.journal(run).await.len();
            assert_eq!(rows, usize::from(good), "{by:?}");
        }
    }
    db.finish().await;
}

#[tokio::test]
async fn an_older_attempt_of_the_same_worker_writes_nothing() {
    let db = Database::new("plain_older").await;
    let home = db.worker().await;
    let old = db.held(home).await;
    db.store.hand_back(home, &[(old.run, old.attempt)], None).await.expect("it comes back");
    let new = db.take(home, old.run).await;
    let end = |hold: &Hold| hold.append(1, Next::Complete(payload("x"))).with_rows(1, &["a#1"]);
    for (by, append) in [(By::Rows, old.rows(1, &["a#1"])), (By::Plain, old.rows(1, &["a#1"])), (By::Plain, end(&old))]
    {
        assert_eq!(db.write(by, &[append]).await.expect("answered").wrote, [Wrote::Lost], "{by:?}");
    }
    assert_eq!(db.journal(new.run).await.len(), 0);
    assert_eq!(db.write(By::Plain, &[end(&new)]).await.expect("answered").wrote, [Wrote::All]);
    db.finish().await;
}

#[tokio::test]
async fn a_row_that_stands_there_breaks_them_and_the_road_leads_on() {
    let db = Database::new("plain_taken").await;
    let home = db.worker().await;
    // A run each: a statement that broke may still have its locks for a moment after it has said so.
    for by in [By::Plain, By::Rows] {
        let hold = db.held(home).await;
        assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
        let error = db.write(by, &[hold.rows(1, &["a#1", "b#1"])]).await.expect_err("it stands there");
        assert_eq!(error.fault(), piton_scheduler::store::Fault::Taken);
    }
    let (hold, other) = (db.held(home).await, db.held(home).await);
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    // Sent again with more, beside what is new; and the end after it, twice.
    let outcomes = db.outcomes(vec![hold.rows(1, &["a#1", "b#1"]), other.rows(1, &["a#1"])]).await;
    assert_eq!(outcomes, [Ok(AppendAnswer::Accepted), Ok(AppendAnswer::Accepted)]);
    let end = hold.append(1, Next::Complete(payload("done"))).with_rows(3, &["c#1"]);
    for _ in 0..2 {
        assert_eq!(db.append(end.clone()).await, AppendAnswer::Accepted);
    }
    assert_eq!(db.journal(hold.run).await.len(), 3);
    db.append(other.append(1, Next::Complete(payload("done")))).await;
    db.finish().await;
}

#[tokio::test]
async fn an_append_that_only_changes_the_run_is_written_once() {
    let db = Database::new("plain_number").await;
    let hold = db.held(db.worker().await).await;
    let second = hold.append(2, Next::Complete(payload("too early")));
    let pass = db.write(By::Plain, &[second]).await.expect("answered");
    assert_eq!(pass.wrote, [Wrote::Lost], "the first did not come");
    assert_eq!(db.row(hold.run).await.result, None);
    db.finish().await;
}
