//! Cancel, kill, resume, hand back: in every state, once and twice.

use std::time::Duration;

use piton_scheduler::store::{CancelOutcome, KillOutcome, Placement, ResumeOutcome};
use piton_shared::{
    ids::RunId,
    message::{
        append::{AppendAnswer, Next},
        wake::Action,
    },
    name::Org,
    parked::Parked,
    state::RunState,
};

use super::lease::beat;
use crate::{
    database::Database,
    making::{LONG, ORG, With, fresh, payload},
};

async fn cancel(db: &Database, run: RunId) -> CancelOutcome {
    let outcome = db.store.cancel(run, &ORG, "changed my mind").await;
    outcome.expect("answered").expect("it is there")
}

async fn kill(db: &Database, run: RunId) -> KillOutcome {
    let outcome = db.store.kill(run, &ORG).await;
    outcome.expect("answered").expect("it is there")
}

#[tokio::test]
async fn a_run_that_never_began_is_cancelled_at_once() {
    let db = Database::new("cancel_unbegun").await;
    for placement in [Placement::Queued, Placement::Backlog] {
        let run = db.accept(placement).await;
        assert!(matches!(cancel(&db, run).await, CancelOutcome::Cancelled));
        let row = db.row(run).await;
        assert_eq!(row.state, RunState::Cancelled);
        let failure = row.failure.expect("it says why");
        assert!(format!("{failure:?}").contains("changed my mind"));
        assert!(matches!(cancel(&db, run).await, CancelOutcome::Ended(RunState::Cancelled)));
    }
    db.finish().await;
}

#[tokio::test]
async fn a_run_that_began_is_told_once_and_a_sleeping_one_is_woken() {
    let db = Database::new("cancel_begun").await;
    let worker = db.worker().await;
    let (running, sleeping) = (db.held(worker).await, db.suspended(worker).await);
    let CancelOutcome::Requested(Some(told)) = cancel(&db, running.run).await else {
        panic!("it is requested");
    };
    assert_eq!(told.holder, Some((worker, running.attempt)));
    assert!(matches!(cancel(&db, running.run).await, CancelOutcome::Requested(None)));
    let CancelOutcome::Requested(Some(told)) = cancel(&db, sleeping.run).await else {
        panic!("it is requested");
    };
    assert_eq!(told.publish.expect("it is published").epoch.0, 2);
    for run in [running.run, sleeping.run] {
        assert_eq!(db.journal(run).await, ["cancel#1 cancel outside 1"]);
    }
    db.assert_rules().await;
    // It may end in another way all the same.
    let done = running.append(1, Next::Complete(payload("too late")));
    assert_eq!(db.append(done).await, AppendAnswer::Accepted);
    assert!(matches!(cancel(&db, running.run).await, CancelOutcome::Ended(RunState::Completed)));
    // The timer of the other fires while it is queued.
    db.make_due(sleeping.run).await;
    assert_eq!(db.store.fire_due(10).await.expect("fired").len(), 1);
    assert_eq!(db.row(sleeping.run).await.epoch, 2);
    db.finish().await;
}

#[tokio::test]
async fn a_parked_or_waiting_run_that_began_is_told_where_it_stands() {
    let db = Database::new("cancel_waiting").await;
    let worker = db.worker().await;
    let (parked, queued) = (db.held(worker).await, db.held(worker).await);
    let reason = Parked::Panic { message: "oh".into() };
    db.append(parked.append(1, Next::Park(reason))).await;
    db.store.hand_back(worker, &[(queued.run, queued.attempt)], None).await.expect("back");
    for (run, state) in [(parked.run, RunState::Parked), (queued.run, RunState::Queued)] {
        let CancelOutcome::Requested(Some(told)) = cancel(&db, run).await else {
            panic!("it is requested");
        };
        assert!(told.publish.is_none() && told.holder.is_none());
        assert_eq!(db.row(run).await.state, state);
    }
    db.finish().await;
}

#[tokio::test]
async fn a_kill_ends_every_state_and_nothing_is_accepted_after_it() {
    let db = Database::new("kill_states").await;
    let worker = db.worker().await;
    let (running, suspended, parked) = (db.held(worker).await, db.suspended(worker).await, db.held(worker).await);
    let sleep = running.append(1, Next::GoOn).with_sleep("s#1", LONG);
    db.append(sleep).await;
    let reason = Parked::Panic { message: "oh".into() };
    db.append(parked.append(1, Next::Park(reason)).with_sleep("s#1", LONG)).await;
    let (queued, backlog) = (db.accept(Placement::Queued).await, db.accept(Placement::Backlog).await);
    let wish = db.wish(worker, queued).await;
    let mut versions = Vec::new();
    for (run, expected) in
        [(running.run, Some(worker)), (suspended.run, None), (parked.run, None), (queued, None), (backlog, None)]
    {
        let KillOutcome::Killed { version, holders } = kill(&db, run).await else {
            panic!("it is killed");
        };
        versions.push(version);
        assert_eq!(holders, Vec::from_iter(expected));
        assert_eq!(db.row(run).await.state, RunState::Killed);
        assert!(matches!(kill(&db, run).await, KillOutcome::Ended(RunState::Killed)));
        assert!(matches!(cancel(&db, run).await, CancelOutcome::Ended(RunState::Killed)));
    }
    assert_eq!(versions, [1, 2, 3, 4, 5], "an ended run draws no version");
    assert_eq!(db.append(running.rows(1, &["a#1"])).await, AppendAnswer::Fenced);
    let end = running.append(2, Next::Complete(payload("x")));
    assert_eq!(db.append(end).await, AppendAnswer::Fenced);
    assert!(db.claim(&wish).await.is_none());
    db.finish().await;
}

#[tokio::test]
async fn a_kill_is_confirmed_by_its_holder_or_by_the_end_of_its_lease() {
    let db = Database::new("kill_confirmed").await;
    let (alive, dying) = (db.worker().await, db.worker().await);
    for worker in [alive, dying] {
        let hold = db.held(worker).await;
        let KillOutcome::Killed { version, .. } = kill(&db, hold.run).await else {
            panic!("it is killed");
        };
        assert!(!db.store.control_confirmed(&[worker], version).await.expect("answered"));
        let controls = db.store.controls_after("default", version - 1, 10).await.expect("read");
        assert_eq!((controls[0].version, controls[0].run, controls[0].action), (version, hold.run, Action::Kill));
        if worker == alive {
            let mut beat = beat(worker);
            beat.control_applied = version;
            db.store.heartbeats(&[beat], LONG).await.expect("renewed");
        } else {
            db.expire(worker).await;
            db.store.end_lease(worker, 3).await.expect("it ends");
        }
        assert!(db.store.control_confirmed(&[worker], version).await.expect("answered"));
    }
    db.finish().await;
}

#[tokio::test]
async fn only_what_is_parked_resumes_and_nobody_elses() {
    let db = Database::new("resume").await;
    let run = db.accept(Placement::Queued).await;
    let outcome = db.store.resume(run, &ORG).await.expect("answered");
    assert!(matches!(outcome, Some(ResumeOutcome::Unstopped(RunState::Queued))), "{outcome:?}");
    let nobody = Org::new("nobody").expect("a name");
    let nothing = RunId::new(fresh());
    for (run, org) in [(run, &nobody), (nothing, &ORG)] {
        assert!(db.store.resume(run, org).await.expect("answered").is_none());
        assert!(db.store.kill(run, org).await.expect("answered").is_none());
        assert!(db.store.cancel(run, org, "x").await.expect("answered").is_none());
        assert!(db.store.run(run, org).await.expect("answered").is_none());
    }
    db.finish().await;
}

#[tokio::test]
async fn handing_back_is_no_strike_and_only_the_holder_can() {
    let db = Database::new("hand_back").await;
    let (worker, other) = (db.worker().await, db.worker().await);
    let (released, lacking) = (db.held(worker).await, db.held(worker).await);
    let back = async |worker, hold: &crate::making::Hold, after| {
        let runs = [(hold.run, hold.attempt)];
        db.store.hand_back(worker, &runs, after).await.expect("answered")
    };
    assert!(back(other, &released, None).await.is_empty());
    let stale = crate::making::Hold { attempt: lacking.attempt, ..released };
    assert!(back(worker, &stale, None).await.is_empty());
    let queued = back(worker, &released, None).await;
    assert_eq!((queued[0].state, queued[0].epoch.0), (RunState::Queued, 2));
    assert!(back(worker, &released, None).await.is_empty(), "once");
    let waiting = back(worker, &lacking, Some(Duration::from_mins(1))).await;
    assert_eq!(waiting[0].state, RunState::Backlog);
    for hold in [&released, &lacking] {
        assert_eq!(db.row(hold.run).await.strikes, 0);
    }
    db.finish().await;
}
