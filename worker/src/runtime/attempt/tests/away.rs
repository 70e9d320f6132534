//! The rules for steps that are executed elsewhere, for races and for pauses.

use std::time::Duration;

use piton_shared::{
    codec,
    journal::{Entry, Kind, Place, StepKey},
    limits,
    message::{
        append::{AppendAnswer, Next},
        claim::{HandBackReason, OpenCall, Waiting},
    },
    name::Queue,
    replay::{Machine, StepOptions},
    time::Timestamp,
};

use super::{
    case::{Case, STEP, append, fired, left, start},
    plan::{Boxed, Plan, encode, options},
};
use crate::runtime::attempt::{Attempt, Effect, Input};

/// A step first, then so many side by side.
fn fan_out(branches: usize) -> Plan {
    Plan::Then(vec![STEP, Plan::Fan(vec![STEP; branches])])
}

/// The row of a step that was executed elsewhere.
fn done(key: &str, number: u32, input: u64) -> Entry {
    let (name, input, outcome) = ("fails0".to_owned(), encode(input), Ok(encode(input + 1)));
    Entry { name, input, outcome, ..fired(key, Kind::Step, number) }
}

#[test]
fn a_fan_out_travels_with_what_led_to_it_and_does_not_keep_the_run_in_memory() {
    let (mut case, effects) = Case::of(fan_out(12));
    let effects = case.end(start(&effects), Ok(encode(1)));
    let given = append(&effects).clone();
    assert_eq!((given.number, given.rows.len(), given.dispatches.len()), (1, 1, 12));
    let keys: Vec<_> = given.dispatches.iter().map(|it| it.key.as_str().to_owned()).collect();
    assert_eq!(keys[2], "fan#1/b2#1/step#1", "in the order in which they were asked for");
    assert_eq!(keys[10], "fan#1/b10#1/step#1");
    assert_eq!((given.dispatches[3].input.clone(), &given.dispatches[3].queue), (encode(4), &None));
    assert_eq!(case.answer(&given, AppendAnswer::Accepted), [], "nothing of it begins here");

    let effects = case.after(limits::SUSPEND_GRACE);
    let suspend = append(&effects).clone();
    assert_eq!(suspend.next, Next::Suspend { seen_outside: 0 });
    let first = done(&keys[0], 1, 1);
    assert_eq!(case.answer(&suspend, AppendAnswer::Overtaken { outside: vec![first] }), []);
    assert_eq!(case.on(Input::Woken((1..11).map(|at| done(&keys[at], at as u32 + 1, at as u64 + 1)).collect())), []);
    let effects = case.on(Input::Woken(vec![done(&keys[11], 12, 12)]));
    assert!(matches!(append(&effects).next, Next::Complete(_)), "{effects:?}");
}

#[test]
fn what_an_earlier_attempt_gave_away_is_waited_for() {
    let waiting = Some(Waiting::Dispatched);
    let open = vec![left("fan#1/b0#1/step#1", 2, waiting), left("fan#1/b1#1/step#1", 0, waiting)];
    let (mut case, effects) = Case::with(Plan::Fan(vec![STEP; 3]).workflow(), Vec::new(), open);
    let given = append(&effects).clone();
    let [third] = given.dispatches.as_slice() else { panic!("one is not given away yet: {given:?}") };
    assert_eq!(third.key.as_str(), "fan#1/b2#1/step#1");
    assert_eq!(case.answer(&given, AppendAnswer::Accepted), []);
    assert!(matches!(append(&case.after(limits::SUSPEND_GRACE)).next, Next::Suspend { .. }));
}

#[test]
fn what_was_given_away_is_taken_back_when_nobody_waits_for_it() {
    let pick = || Plan::Then(vec![Plan::Pick(vec![STEP, STEP]), Plan::Sleep(Duration::from_hours(1))]);
    let (mut case, effects) = Case::of(pick());
    let given = append(&effects).clone();
    case.answer(&given, AppendAnswer::Accepted);
    let effects = case.on(Input::Woken(vec![done("pick#1/b1#1/step#1", 1, 1)]));
    let pinned = append(&effects).clone();
    assert_eq!(pinned.withdrawn, [StepKey::new("pick#1/b0#1/step#1")]);
    let row = &pinned.rows[0];
    assert_eq!((row.kind, row.name.as_str(), row.place), (Kind::Race, "pick", Place::Own { number: 1, after: 1 }));
    assert_eq!((&row.input, &row.outcome), (&codec::encode(&1_u32).expect("a number"), &Ok(row.input.clone())));

    // The worker died before that was written: whoever takes the run up takes it back.
    let open = vec![left("pick#1/b0#1/step#1", 0, Some(Waiting::Dispatched))];
    let rows = vec![done("pick#1/b1#1/step#1", 1, 1), row.clone()];
    let (_, effects) = Case::with(pick().workflow(), rows, open);
    assert_eq!(append(&effects).withdrawn, [StepKey::new("pick#1/b0#1/step#1")]);
}

#[test]
fn a_function_after_a_race_begins_only_once_the_winner_is_pinned() {
    let (mut case, effects) = Case::of(Plan::Then(vec![Plan::Pick(vec![STEP, STEP]), STEP]));
    case.answer(append(&effects), AppendAnswer::Accepted);
    let effects = case.on(Input::Woken(vec![done("pick#1/b0#1/step#1", 1, 0)]));
    let pinned = append(&effects).clone();
    assert_eq!(effects.len(), 1, "nothing begins yet: {effects:?}");
    assert_eq!(start(&case.answer(&pinned, AppendAnswer::Accepted)).key, StepKey::new("step#1"));
}

#[test]
fn a_step_goes_to_the_queue_it_asks_for_unless_that_is_served_here() {
    let queue = Queue::new("gpu").expect("a name");
    let workflow = |queue: Queue| {
        move |scope: piton_shared::replay::Scope| -> Boxed<_> {
            let options = StepOptions { queue: Some(queue), ..options(2, Duration::ZERO) };
            Box::pin(async move { Ok(scope.step::<_, u64>("step", "f", &0_u64, options).await.map(encode)?) })
        }
    };
    let (_, effects) = Case::with(workflow(queue.clone()), Vec::new(), Vec::new());
    let [given] = append(&effects).dispatches.as_slice() else { panic!("it is given away: {effects:?}") };
    assert_eq!((given.queue.as_ref(), &given.terms.queue), (Some(&queue), &None));
    assert_eq!(given.terms.retry.as_ref().map(|retry| retry.max_tries), Some(3));

    let (case, _) = Case::of(STEP);
    let mut here = Attempt::new(case.attempt.hold, Vec::new(), vec![queue.clone()].into());
    let machine = Box::new(Machine::new(uuid::Uuid::nil(), Timestamp::EPOCH, workflow(queue)));
    let effects = here.on(Input::Journal { machine, entries: Vec::new() }, case.now, 1.0);
    assert_eq!(start(&effects).function, "f");
}

#[test]
fn a_step_that_was_tried_before_it_is_given_away_goes_on_where_it_was() {
    let workflow = |scope: piton_shared::replay::Scope| -> Boxed<_> {
        let options = StepOptions { queue: Queue::new("gpu").ok(), ..options(2, Duration::ZERO) };
        Box::pin(async move { Ok(scope.step::<_, u64>("step", "f", &0_u64, options).await.map(encode)?) })
    };
    // A worker that serves the queue tried it: one try failed, one was interrupted, one failed; then the worker died.
    let began = Timestamp::from_micros(7);
    let open = OpenCall {
        key: StepKey::new("step#1"),
        failed_tries: 2,
        last_try: 3,
        first_started_at: Some(began),
        last_failed_at: Some(Timestamp::EPOCH),
        waiting: None,
    };
    let (mut case, effects) = Case::with(workflow, Vec::new(), vec![open]);
    let effects = if effects.is_empty() { case.after(Duration::from_mins(1)) } else { effects };
    let given = &append(&effects).dispatches[0];
    assert_eq!((given.failed_tries, given.next_try, given.first_started_at), (2, 4, Some(began)));
}

#[test]
fn a_paused_run_finishes_what_runs_and_lets_go() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP, STEP]));
    let [Effect::Start(first), Effect::Start(second), Effect::Start(third)] = effects.as_slice() else {
        panic!("three starts: {effects:?}");
    };
    let not_begun = vec![second.key.clone(), third.key.clone()];
    assert_eq!(case.on(Input::Pause { not_begun }), []);
    let effects = case.end(first, Ok(encode(1)));
    let row = append(&effects).clone();
    let released = [Effect::HandBack(HandBackReason::Released)];
    assert_eq!(case.answer(&row, AppendAnswer::Accepted), released);

    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP]));
    let [Effect::Start(first), Effect::Start(second)] = effects.as_slice() else {
        panic!("two starts: {effects:?}");
    };
    case.on(Input::Pause { not_begun: vec![second.key.clone()] });
    let effects = case.on(Input::Unpause);
    let again = start(&effects);
    assert_eq!((&again.key, again.try_number), (&second.key, 1), "it had not begun");
    assert_eq!(case.end(first, Ok(encode(1))).len(), 1);
}
