use piton_shared::{ids::uuid_v7, limits};

use super::*;

fn usual() -> SilentSweeps {
    SilentSweeps::of(limits::LEASE, limits::SWEEP)
}

fn worker(number: u8) -> WorkerId {
    WorkerId::new(uuid_v7(1, [number; 10]))
}

fn register(worker: WorkerId) -> Register {
    Register {
        worker,
        org: Org::DEFAULT,
        name: "w".into(),
        host: "h".into(),
        process: 1,
        build: None,
        queues: vec![Queue::DEFAULT],
        workflows: vec!["order".into()],
        functions: vec![],
        run_slots: 2,
        step_slots: 1,
        previous: None,
    }
}

fn beat(worker: WorkerId, free_runs: u32) -> Heartbeat {
    Heartbeat {
        worker,
        number: 0,
        intent: Intent::Working,
        free_runs,
        free_steps: 1,
        control_applied: 0,
        under_way: vec![],
    }
}

fn at(roster: &Roster, workflow: &str, company: Company) -> Option<WorkerId> {
    roster.place(&Org::DEFAULT, &Queue::DEFAULT, None, workflow, company).map(|place| place.worker)
}

/// It arrives and is written in one moment.
fn says(roster: &Roster, beat: &Heartbeat) {
    roster.beat(beat, roster.given(beat.worker));
}

#[test]
fn what_is_given_while_a_heartbeat_is_written_takes_room() {
    let roster = Roster::new(DirectGrants::On, usual());
    let one = worker(1);
    roster.registered(&Register { step_slots: 2, ..register(one) });
    let full = Heartbeat { free_steps: 2, ..beat(one, 2) };
    says(&roster, &full);
    assert_eq!(at(&roster, "order", Company::Shared), Some(one));
    let arrived = roster.given(one);
    assert!(at(&roster, "order", Company::Shared).is_some() && roster.take_step(one).is_some());
    // When it was sent, the worker knew of the first run at most.
    roster.beat(&full, arrived);
    assert_eq!(at(&roster, "order", Company::Shared), Some(one));
    assert_eq!(at(&roster, "order", Company::Shared), None, "one slot is on its way to be taken");
    assert!(roster.take_step(one).is_some() && roster.take_step(one).is_none());
}

#[test]
fn a_place_names_the_last_heartbeat_that_was_seen() {
    let roster = Roster::new(DirectGrants::On, usual());
    let one = worker(1);
    roster.registered(&register(one));
    for (number, last) in [(3, 3), (4, 4)] {
        says(&roster, &Heartbeat { number, ..beat(one, 2) });
        let place = roster.place(&Org::DEFAULT, &Queue::DEFAULT, None, "order", Company::Shared);
        assert_eq!(place, Some(Place { worker: one, heartbeat: last }));
        assert_eq!(roster.take_step(one), place);
    }
}

#[test]
fn gives_nothing_to_a_worker_that_drains_however_many_runs_leave_it() {
    let roster = Roster::new(DirectGrants::On, usual());
    let one = worker(1);
    roster.registered(&register(one));
    roster.left(one);
    let place = || at(&roster, "order", Company::Shared);
    assert_eq!(place(), None, "it has not said a word yet");
    says(&roster, &beat(one, 1));
    says(&roster, &Heartbeat { intent: Intent::Draining, ..beat(one, 1) });
    roster.left(one);
    assert_eq!(place(), None);
    says(&roster, &beat(one, 1));
    assert_eq!(place(), Some(one));
    roster.left(one);
    assert_eq!(place(), Some(one));
}

#[test]
fn a_worker_that_is_kept_for_one_run_is_given_nothing_until_it_says_so() {
    let roster = Roster::new(DirectGrants::On, usual());
    let (one, two) = (worker(1), worker(2));
    let place = |company| at(&roster, "order", company);
    roster.registered(&register(one));
    says(&roster, &beat(one, 2));
    assert_eq!(place(Company::Alone), Some(one));
    roster.left(one);
    assert_eq!(place(Company::Shared), None, "what leaves it makes no room");
    says(&roster, &Heartbeat { intent: Intent::Solitary, ..beat(one, 2) });
    assert_eq!(place(Company::Shared), None);
    says(&roster, &beat(one, 2));
    assert_eq!(place(Company::Shared), Some(one));

    roster.registered(&register(two));
    says(&roster, &beat(two, 2));
    roster.keep(two);
    roster.left(two);
    assert_eq!((place(Company::Shared), place(Company::Shared)), (Some(one), None));
}

#[test]
fn gives_nothing_to_a_worker_that_is_silent_for_half_its_lease() {
    for (lease, sweep, heard) in [(2500, 250, 5), (700, 50, 7), (700, 250, 4), (3_600_000, 50, 36_000)] {
        let roster =
            Roster::new(DirectGrants::On, SilentSweeps::of(Duration::from_millis(lease), Duration::from_millis(sweep)));
        let one = worker(1);
        roster.registered(&register(one));
        says(&roster, &beat(one, 2));
        (1..heard).for_each(|_| roster.swept());
        let place = || at(&roster, "order", Company::Shared);
        assert_eq!(place(), Some(one), "{lease} ms, {sweep} ms");
        roster.swept();
        assert_eq!(place(), None, "{lease} ms, {sweep} ms");
        says(&roster, &beat(one, 2));
        assert_eq!(place(), Some(one), "it is heard again");
    }
}

#[test]
fn gives_to_the_roomiest_and_never_more_than_said() {
    let roster = Roster::new(DirectGrants::On, usual());
    let (one, two) = (worker(1), worker(2));
    roster.registered(&register(one));
    roster.registered(&register(two));
    let place = || at(&roster, "order", Company::Shared);
    assert_eq!(place(), None, "nobody has said that it has room");
    says(&roster, &beat(one, 1));
    says(&roster, &beat(two, 9));
    assert_eq!(place(), Some(two));
    let mut rest = [place(), place()];
    rest.sort();
    assert_eq!(rest, [Some(one), Some(two)]);
    assert_eq!(place(), None);
    roster.left(one);
    assert_eq!(place(), Some(one));
    assert_eq!(at(&roster, "other", Company::Shared), None);
}

#[test]
fn a_heartbeat_that_a_newer_one_passed_changes_nothing_and_a_place_names_the_newest() {
    let roster = Roster::new(DirectGrants::On, usual());
    let one = worker(1);
    roster.registered(&register(one));
    says(&roster, &Heartbeat { number: 3, ..beat(one, 2) });
    let before = roster.seen(Place { worker: one, heartbeat: 1 });
    says(&roster, &Heartbeat { number: 5, intent: Intent::Solitary, ..beat(one, 0) });
    says(&roster, &Heartbeat { number: 4, ..beat(one, 2) });
    assert_eq!(at(&roster, "order", Company::Shared), None);
    assert_eq!((before.heartbeat, roster.seen(before).heartbeat), (3, 5));
}
