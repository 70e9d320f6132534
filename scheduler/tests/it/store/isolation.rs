//! A run whose workers die: struck, isolated, parked.

use piton_scheduler::store::{Back, Placement, Published};
use piton_shared::{
    ids::{AttemptId, RunId, WorkerId},
    limits::STRIKES,
    message::{
        append::{AppendAnswer, Next},
        claim::{Alone, Company, Moment, Solitude},
    },
    name::Org,
    parked::Parked,
    state::RunState,
};

use crate::{
    database::Database,
    making::{Hold, ORG, With, fresh},
};

fn is_alone(hold: &Hold, moment: Moment) -> Alone {
    Alone { worker: hold.worker, run: hold.run, attempt: hold.attempt, moment }
}

async fn alone(db: &Database, hold: &Hold) -> Solitude {
    db.store.note_solitude(&is_alone(hold, Moment::Begins)).await.expect("answered")
}

/// Whether some of these runs begin alone in a worker's hands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    FirstAlone,
    Waiting,
}

/// A worker takes these runs and dies.
async fn die(db: &Database, runs: &[RunId], begins: Begins) -> Vec<Published> {
    let worker = db.worker().await;
    for (place, run) in runs.iter().enumerate() {
        let hold = db.take(worker, *run).await;
        if place == 0 && begins == Begins::FirstAlone {
            assert_eq!(alone(db, &hold).await, Solitude::Noted);
        }
    }
    end(db, worker).await
}

async fn end(db: &Database, worker: WorkerId) -> Vec<Published> {
    db.expire(worker).await;
    db.store.end_lease(worker, STRIKES).await.expect("it ends").expect("it was over").runs
}

async fn strikes<const N: usize>(db: &Database, runs: [RunId; N]) -> [i16; N] {
    let mut strikes = [0; N];
    for (place, run) in runs.into_iter().enumerate() {
        strikes[place] = db.row(run).await.strikes;
    }
    strikes
}

#[tokio::test]
async fn only_dying_alone_parks_as_poison() {
    let db = Database::new("isolation_poison").await;
    let (poison, beside) = (db.accept(Placement::Queued).await, db.accept(Placement::Queued).await);
    for struck in 1..=2 {
        die(&db, &[poison, beside], Begins::Waiting).await;
        assert_eq!(strikes(&db, [poison, beside]).await, [struck, struck], "nobody knows which of the two it was");
    }
    // From now on each begins only alone: a worker that dies before has not died of them.
    for _ in 0..3 {
        die(&db, &[poison, beside], Begins::Waiting).await;
        assert_eq!(strikes(&db, [poison, beside]).await, [2, 2]);
        assert_eq!(db.row(poison).await.state, RunState::Queued);
    }
    let ended = die(&db, &[poison, beside], Begins::FirstAlone).await;
    let state = |run| ended.iter().find(|ended| ended.run == run).map(|ended| ended.state);
    assert_eq!((state(poison), state(beside)), (Some(RunState::Parked), Some(RunState::Queued)));
    assert_eq!(strikes(&db, [poison, beside]).await, [3, 2], "what came beside it had not begun");
    let row = db.row(poison).await;
    assert_eq!((row.state, row.parked), (RunState::Parked, Some(Parked::Poison { strikes: 3, step: None })));
    db.store.resume(poison, &ORG).await.expect("resumed");
    for struck in 1..3 {
        die(&db, &[poison], Begins::Waiting).await;
        assert_eq!(strikes(&db, [poison]).await, [struck]);
    }
    assert_eq!(db.row(poison).await.state, RunState::Queued, "that it had no company was by chance");
    db.finish().await;
}

#[tokio::test]
async fn a_grant_says_that_a_run_is_to_be_alone_and_a_new_step_makes_it_sociable() {
    let db = Database::new("isolation_company").await;
    let run = db.accept(Placement::Queued).await;
    let mut companies = Vec::new();
    for _ in 0..3 {
        let hold = db.wish(db.worker().await, run).await;
        companies.push(db.claim(&hold).await.expect("granted").company);
        let published = end(&db, hold.worker).await;
        companies.push(published[0].company);
    }
    let (shared, alone_now) = ([Company::Shared; 3], [Company::Alone; 3]);
    assert_eq!(companies, [shared, alone_now].concat());
    let hold = db.take(db.worker().await, run).await;
    assert_eq!(alone(&db, &hold).await, Solitude::Noted);
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    assert_eq!(end(&db, hold.worker).await[0].state, RunState::Queued, "it had come further: it is no poison");
    assert_eq!(strikes(&db, [run]).await, [1]);
    db.finish().await;
}

/// Beside whom each run may be, as its next grant says.
async fn companies(db: &Database, runs: &[RunId]) -> Vec<Company> {
    let mut companies = Vec::new();
    for run in runs {
        let worker = db.worker().await;
        companies.push(db.claim(&db.wish(worker, *run).await).await.expect("granted").company);
        db.store.leave(worker).await.expect("it leaves").expect("it was there");
    }
    companies
}

#[tokio::test]
async fn suspects_are_halved_until_one_is_alone() {
    use Company::{Alone, Few, Shared};
    let db = Database::new("isolation_halves").await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(db.accept(Placement::Queued).await);
    }
    for (together, expected) in [
        (8, [Shared; 8]),
        (8, [Few(4); 8]),
        (4, [Few(2), Few(2), Few(2), Few(2), Few(4), Few(4), Few(4), Few(4)]),
        (2, [Alone, Alone, Few(2), Few(2), Few(4), Few(4), Few(4), Few(4)]),
    ] {
        die(&db, &runs[..together], Begins::Waiting).await;
        assert_eq!(companies(&db, &runs).await, expected, "{together} died together");
    }
    // One goes on: nothing of it is left.
    let hold = db.take(db.worker().await, runs[0]).await;
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    end(&db, hold.worker).await;
    assert_eq!(companies(&db, &runs[..1]).await, [Shared]);
    db.finish().await;
}

#[tokio::test]
async fn what_a_lapse_left_on_runs_is_taken_back_once_and_no_more() {
    let db = Database::new("isolation_back").await;
    let run = db.accept(Placement::Queued).await;
    let lapse = async || {
        let worker = db.worker().await;
        let hold = db.take(worker, run).await;
        if db.row(run).await.strikes >= 2 {
            assert_eq!(alone(&db, &hold).await, Solitude::Noted);
        }
        end(&db, worker).await;
        worker
    };
    let back = async |worker| db.store.came_back(worker, &ORG).await.expect("answered");
    for _ in 0..4 {
        let worker = lapse().await;
        assert_eq!(strikes(&db, [run]).await, [1]);
        assert!(matches!(back(worker).await, Back::TakenBack { .. }));
        assert!(matches!(back(worker).await, Back::Nothing), "repeated, it changes nothing");
        assert_eq!(strikes(&db, [run]).await, [0]);
    }
    // One that comes back after another was struck tells nothing of that one.
    let (first, second) = (lapse().await, lapse().await);
    assert!(matches!(back(first).await, Back::TakenBack { .. }));
    assert_eq!(strikes(&db, [run]).await, [2]);
    let third = lapse().await;
    assert_eq!(db.row(run).await.state, RunState::Parked);
    let other = Org::new("other").expect("a name");
    assert!(matches!(db.store.came_back(third, &other).await.expect("answered"), Back::Nothing));
    let Back::TakenBack { runs, .. } = back(third).await else { panic!("it is taken back") };
    assert_eq!((runs.len(), runs[0].run), (1, run), "it was parked though no worker had died");
    assert_eq!(db.row(run).await.state, RunState::Queued);
    assert!(matches!(back(second).await, Back::TakenBack { .. }));
    assert_eq!(strikes(&db, [run]).await, [0]);
    // Its registration stands yet: it leaves, and strikes nothing.
    let worker = db.worker().await;
    db.take(worker, run).await;
    let Back::Left(left) = back(worker).await else { panic!("it had not ended") };
    assert_eq!((left.runs.len(), strikes(&db, [run]).await), (1, [0]));
    db.finish().await;
}

#[tokio::test]
async fn who_lost_a_run_begins_nothing_and_nobody_is_alone_twice() {
    let db = Database::new("isolation_begin").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    assert_eq!(alone(&db, &Hold { attempt: AttemptId::new(fresh()), ..hold }).await, Solitude::Lost);
    assert_eq!(alone(&db, &Hold { worker: db.worker().await, ..hold }).await, Solitude::Lost);
    assert_eq!(alone(&db, &Hold { run: RunId::new(fresh()), ..hold }).await, Solitude::Lost);
    for _ in 0..2 {
        assert_eq!(alone(&db, &hold).await, Solitude::Noted, "asked again it is answered the same");
    }
    let second = db.held(worker).await;
    assert!(db.store.note_solitude(&is_alone(&second, Moment::Begins)).await.is_err());
    let back = [(hold.run, hold.attempt)];
    assert_eq!(db.store.hand_back(worker, &back, None).await.expect("back").len(), 1);
    assert_eq!(alone(&db, &hold).await, Solitude::Lost);
    assert_eq!(alone(&db, &second).await, Solitude::Noted);
    assert_eq!(db.append(second.append(1, Next::GoOn).with_rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    db.store.leave(worker).await.expect("it leaves").expect("it was there");
    assert_eq!(strikes(&db, [hold.run, second.run]).await, [0, 0]);
    db.finish().await;
}

#[tokio::test]
async fn a_worker_whose_lease_has_ended_begins_nothing_alone() {
    let db = Database::new("isolation_over").await;
    let hold = db.held(db.worker().await).await;
    end(&db, hold.worker).await;
    assert_eq!(alone(&db, &hold).await, Solitude::Lost);
    db.finish().await;
}

#[tokio::test]
async fn a_solitude_that_is_over_leaves_no_trace() {
    let db = Database::new("isolation_after").await;
    let (run, beside) = (db.accept(Placement::Queued).await, db.accept(Placement::Queued).await);
    for _ in 0..2 {
        die(&db, &[run], Begins::Waiting).await;
    }
    let hold = db.take(db.worker().await, run).await;
    assert_eq!(alone(&db, &hold).await, Solitude::Noted);
    assert_eq!(db.append(hold.rows(1, &["a#1"])).await, AppendAnswer::Accepted);
    for _ in 0..2 {
        let over = db.store.note_solitude(&is_alone(&hold, Moment::Over)).await;
        assert_eq!(over.expect("answered"), Solitude::Noted);
    }
    db.take(hold.worker, beside).await;
    end(&db, hold.worker).await;
    assert_eq!(strikes(&db, [run, beside]).await, [1, 1], "it may have been either of them");
    db.finish().await;
}
