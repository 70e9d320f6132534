use std::time::Duration;

use piton_shared::{
    ids::{HoldId, uuid_v7},
    limits,
    message::{
        claim::Company,
        dispatch::StepGrant,
        read::More,
        wake::{Action, Control},
    },
    replay::StepOptions,
};

use super::*;
use crate::{
    FunctionContext, Try,
    runtime::{clock::steady, controls::Controls},
};

fn holdings() -> Holdings {
    Holdings::new(Arc::new(Lease::new(steady() + Duration::from_hours(1))))
}

fn run(number: u64) -> RunId {
    RunId::new(uuid_v7(number, [0; 10]))
}

fn grant(of: RunId, epoch: u32) -> Grant {
    Grant {
        run: of,
        epoch: Epoch(epoch),
        attempt: AttemptId::new(uuid_v7(u64::from(epoch), [1; 10])),
        company: Company::Shared,
        workflow: "w".to_owned(),
        seed: Uuid::nil(),
        created_at: Timestamp::EPOCH,
        input: None,
        outside: 0,
        entries: Vec::new(),
        journal: More::End,
        open: Vec::new(),
        more_open: More::End,
        trace: None,
    }
}

fn step(of: RunId, epoch: u32) -> StepGrant {
    StepGrant {
        dispatch: DispatchId { run: of, key: StepKey::new("step#1"), item: 0 },
        epoch: Epoch(epoch),
        hold: HoldId::new(uuid_v7(u64::from(epoch), [2; 10])),
        function: "f".to_owned(),
        input: None,
        terms: StepOptions::default(),
        try_number: 1,
        failed_tries: 0,
        first_started_at: None,
        trace: None,
    }
}

fn add(holdings: &Holdings, grant: &Grant, control_version: i64) -> Added {
    let (letters, _) = mpsc::channel(1);
    holdings.add(grant, control_version, good(), letters, CancellationToken::new())
}

fn add_step(holdings: &Holdings, grant: &StepGrant, control_version: i64) -> AddedStep {
    holdings.add_step(grant, control_version, good())
}

/// Of what was granted this instant.
fn good() -> Validity {
    Validity::since(steady())
}

fn executed(of: RunId) -> Executed {
    let of = Try { run_id: of, step_key: StepKey::new("step#1"), epoch: Epoch(1), number: 1, max: 1 };
    Executed::new(FunctionContext::begin(of).1, Timestamp::EPOCH)
}

fn begin(holdings: &Holdings, grant: &Grant) -> Begun {
    holdings.begin(grant.attempt, executed(grant.run), || tokio::spawn(std::future::pending::<()>()).abort_handle())
}

fn begin_step(holdings: &Holdings, grant: &StepGrant) -> Begun {
    let spawn = || tokio::spawn(std::future::pending::<()>()).abort_handle();
    holdings.begin_step(&grant.dispatch, grant.hold, executed(grant.dispatch.run), spawn)
}

fn place(added: AddedStep) -> StepPlace {
    match added {
        AddedStep::Yes(place) => place,
        AddedStep::Already
        | AddedStep::Denied
        | AddedStep::Late
        | AddedStep::Killed
        | AddedStep::Paused
        | AddedStep::Refused => panic!("not {added:?}"),
    }
}

#[tokio::test]
async fn work_is_executed_once_at_a_time_and_the_older_hold_loses() {
    let holdings = holdings();
    let (old, new) = (step(run(1), 1), step(run(1), 2));
    let first = place(add_step(&holdings, &old, 0));
    assert!(matches!(add_step(&holdings, &old, 0), AddedStep::Already));
    assert_eq!(begin_step(&holdings, &old), Begun::Yes);

    let second = place(add_step(&holdings, &new, 0));
    assert!(first.lost.is_cancelled() && !second.lost.is_cancelled());
    assert_eq!(begin_step(&holdings, &old), Begun::No);
    assert!(matches!(add_step(&holdings, &old, 0), AddedStep::Already), "it comes late");
    let before = second.before.expect("something was here");
    assert!(!before.is_cancelled(), "it may still run");
    drop(first.gone);
    assert!(before.is_cancelled());

    // The older hold's task ends: what took its place stays.
    holdings.remove_step(&old.dispatch, old.hold);
    let asked = vec![(old.dispatch.clone(), old.hold), (new.dispatch.clone(), new.hold)];
    assert_eq!(holdings.deny_steps(asked), [(old.dispatch, old.hold)]);
    holdings.remove_step(&new.dispatch, new.hold);
    assert!(second.lost.is_cancelled() && holdings.is_empty());
}

#[test]
fn what_was_asked_for_counts_as_known() {
    let holdings = holdings();
    let grant = step(run(1), 1);
    let asked = || vec![(grant.dispatch.clone(), grant.hold)];
    let expected = holdings.expect(vec![grant.hold.uuid()]);
    assert_eq!(holdings.deny_steps(asked()), []);
    drop(expected);
    assert_eq!(holdings.deny_steps(asked()), asked());
}

#[tokio::test]
async fn nothing_of_a_killed_run_stays_and_nothing_of_it_begins() {
    let holdings = holdings();
    let (killed, other) = (step(run(1), 1), step(run(2), 1));
    let (lost, kept) = (place(add_step(&holdings, &killed, 0)), place(add_step(&holdings, &other, 0)));
    holdings.kill(run(1));
    assert!(lost.lost.is_cancelled() && !kept.lost.is_cancelled());
    assert_eq!(begin_step(&holdings, &killed), Begun::No);
    assert!(matches!(add_step(&holdings, &step(run(1), 2), 0), AddedStep::Killed));
}

#[tokio::test]
async fn nothing_of_a_paused_run_begins_until_it_is_unpaused() {
    let holdings = holdings();
    let controls = Controls::new(4);
    let control = |version, action| Control { version, run: run(1), action };
    let (held, queued) = (grant(run(1), 1), step(run(1), 1));
    let Added::Yes(wanted) = add(&holdings, &held, 4) else { panic!("it is held") };
    let _place = place(add_step(&holdings, &queued, 4));

    controls.apply(&control(5, Action::Pause), &holdings);
    assert_eq!((controls.applied(), *wanted.wanted.borrow()), (5, Wanted::Pause));
    assert_eq!((begin(&holdings, &held), begin_step(&holdings, &queued)), (Begun::No, Begun::No));
    assert!(!wanted.lost.is_cancelled());
    // A grant that had not seen the pause goes back; one that had was given after its end.
    assert!(matches!(add(&holdings, &grant(run(1), 2), 4), Added::Paused));
    assert!(matches!(add_step(&holdings, &step(run(1), 2), 4), AddedStep::Paused));
    assert!(matches!(add(&holdings, &grant(run(1), 2), 6), Added::Yes(_)));

    controls.apply(&control(6, Action::Unpause), &holdings);
    // It comes late, and a second time: what came after it is applied already.
    controls.apply(&control(5, Action::Pause), &holdings);
    assert_eq!(controls.applied(), 6);
    assert_eq!(begin_step(&holdings, &queued), Begun::Yes);
    assert_eq!(begin(&holdings, &grant(run(1), 2)), Begun::Yes);
}

#[test]
fn a_worker_that_is_kept_for_one_run_takes_no_work_beside_it() {
    let holdings = holdings();
    let _step = place(add_step(&holdings, &step(run(2), 1), 0));
    let alone = Grant { company: Company::Alone, ..grant(run(1), 1) };
    assert!(matches!(add(&holdings, &alone, 0), Added::Yes(_)));
    assert!(matches!(add_step(&holdings, &step(run(3), 1), 0), AddedStep::Refused));
    assert_eq!(holdings.beside(run(1)), 1);
    holdings.open(alone.run, alone.attempt);
    assert!(matches!(add_step(&holdings, &step(run(3), 1), 0), AddedStep::Yes(_)));
}

#[tokio::test]
async fn a_lapse_drops_what_runs_and_keeps_the_hold() {
    let lease = Arc::new(Lease::new(steady() + Duration::from_hours(1)));
    let holdings = Holdings::new(Arc::clone(&lease));
    let grant = step(run(1), 1);
    let place = place(add_step(&holdings, &grant, 0));
    let task = tokio::spawn(std::future::pending::<()>());
    let handle = task.abort_handle();
    assert_eq!(holdings.begin_step(&grant.dispatch, grant.hold, executed(run(1)), || handle), Begun::Yes);
    holdings.abort_functions();
    assert!(task.await.is_err_and(|error| error.is_cancelled()));
    assert!(!place.lost.is_cancelled() && !holdings.is_empty());
    lease.end();
    assert_eq!(begin_step(&holdings, &grant), Begun::No);
}

#[test]
fn a_grant_is_held_only_while_it_is_good() {
    let holdings = holdings();
    let (run_grant, step_grant) = (grant(run(1), 1), step(run(1), 1));
    let late = Validity::since(steady().saturating_sub(limits::GRANT_VALID));
    let (letters, _) = mpsc::channel(1);
    let added = holdings.add(&run_grant, 0, late, letters, CancellationToken::new());
    assert!(matches!(added, Added::Late), "{added:?}");
    assert!(matches!(holdings.add_step(&step_grant, 0, late), AddedStep::Late));
    assert!(holdings.is_empty());
    // Claimed again, and answered in time.
    assert!(matches!(add(&holdings, &run_grant, 0), Added::Yes(_)));
    assert!(matches!(add_step(&holdings, &step_grant, 0), AddedStep::Yes(_)));
    // What is held is asked for by name and stays.
    let (letters, _) = mpsc::channel(1);
    assert!(matches!(holdings.add(&run_grant, 0, late, letters, CancellationToken::new()), Added::Already));
    assert!(matches!(holdings.add_step(&step_grant, 0, late), AddedStep::Already));
}

#[test]
fn what_was_denied_or_dropped_never_begins() {
    let holdings = holdings();
    let (run_grant, step_grant, dropped) = (grant(run(1), 1), step(run(1), 1), step(run(2), 1));
    let asked = || vec![(run_grant.run, run_grant.attempt)];
    let asked_steps = || vec![(step_grant.dispatch.clone(), step_grant.hold)];
    {
        // While a claim of them is under way they are known.
        let _expected = holdings.expect(vec![run_grant.attempt.uuid(), step_grant.hold.uuid()]);
        assert_eq!((holdings.deny(asked()), holdings.deny_steps(asked_steps())), (vec![], vec![]));
    }
    assert_eq!((holdings.deny(asked()), holdings.deny_steps(asked_steps())), (asked(), asked_steps()));
    holdings.drop_step(&dropped.dispatch, dropped.hold);
    let lost = grant(run(3), 3);
    holdings.drop_run(lost.run, lost.attempt);
    assert!(matches!(add(&holdings, &lost, 0), Added::Denied));
    // Even a claim whose answer comes in time changes nothing: the scheduler acts on what it was told.
    assert!(matches!(add(&holdings, &run_grant, 0), Added::Denied));
    assert!(matches!(add_step(&holdings, &step_grant, 0), AddedStep::Denied));
    assert!(matches!(add_step(&holdings, &dropped, 0), AddedStep::Denied));
    // The same work under a later hold does.
    assert!(matches!(add(&holdings, &grant(run(1), 2), 0), Added::Yes(_)));
    assert!(matches!(add_step(&holdings, &step(run(1), 2), 0), AddedStep::Yes(_)));
}

#[test]
fn only_so_many_are_beside_one_that_is_suspected() {
    let holdings = holdings();
    let few = |number: u32| Grant { company: Company::Few(2), ..grant(run(u64::from(number)), number) };
    let taken = |number: u32| {
        let added = add(&holdings, &few(number), 0);
        assert!(matches!(added, Added::Yes(_) | Added::Crowded), "{added:?}");
        matches!(added, Added::Yes(_))
    };
    assert_eq!([1, 2, 3].map(taken), [true, true, false]);
    // It has done something since, and is suspected no more.
    holdings.open(few(1).run, few(1).attempt);
    assert_eq!([3, 4].map(taken), [true, false]);
    holdings.remove(few(2).run, few(2).attempt);
    assert_eq!([4, 5].map(taken), [true, false]);
    holdings.kill(few(3).run);
    assert_eq!([5, 6].map(taken), [true, false]);
}
