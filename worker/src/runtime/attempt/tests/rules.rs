//! The rules, one by one: what is learned, and what comes of it.

use std::time::Duration;

use piton_shared::{
    failure::{Cause, Failure},
    journal::{Kind, Place, StepKey},
    limits,
    message::{
        append::{AppendAnswer, Next},
        claim::{HandBackReason, OpenCall, Waiting},
    },
    parked::Parked,
    replay::StepOptions,
    time::Timestamp,
};

use super::{
    case::{Case, STEP, append, fails, fired, left, start},
    plan::{Plan, encode, options},
};
use crate::runtime::attempt::{Effect, Input, weight};

#[test]
fn a_function_begins_only_after_what_led_to_it_is_written() {
    let (mut case, effects) = Case::of(Plan::Then(vec![STEP, STEP]));
    let effects = case.end(start(&effects), Ok(encode(1)));
    let first = append(&effects);
    assert_eq!((effects.len(), first.number, &first.next), (1, 0, &Next::GoOn));
    assert_eq!(first.rows[0].place, Place::Own { number: 1, after: 0 });
    let effects = case.answer(first, AppendAnswer::Accepted);
    assert_eq!(start(&effects).key, StepKey::new("step#2"));
}

#[test]
fn the_end_travels_with_the_last_result() {
    let (mut case, effects) = Case::of(STEP);
    let effects = case.end(start(&effects), Ok(encode(1)));
    let last = append(&effects);
    assert_eq!((last.rows.len(), last.number), (1, 1));
    assert_eq!(last.next, Next::Complete(encode(1)));
    assert_eq!(case.answer(last, AppendAnswer::Accepted), [Effect::Drop]);
    assert_eq!(case.on(Input::Tick), []);
}

#[test]
fn one_append_is_under_way_and_the_next_collects() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP, STEP]));
    let starts: Vec<_> = effects.iter().map(|it| start(std::slice::from_ref(it)).clone()).collect();
    let effects = case.end(&starts[2], Ok(encode(3)));
    let first = append(&effects).clone();
    assert_eq!(case.end(&starts[0], Ok(encode(1))), []);
    assert_eq!(case.end(&starts[1], Ok(encode(2))), []);
    let effects = case.answer(&first, AppendAnswer::Accepted);
    let second = append(&effects);
    let numbers: Vec<_> = second.rows.iter().map(|row| row.place).collect();
    assert_eq!(numbers, [Place::Own { number: 2, after: 0 }, Place::Own { number: 3, after: 0 }]);
    assert!(matches!(second.next, Next::Complete(_)));
}

#[test]
fn a_short_wait_for_the_next_try_is_kept_in_memory() {
    let (mut case, effects) = Case::of(Plan::Step { failures: 1, wait: Duration::from_secs(1) });
    let effects = case.end(start(&effects), fails());
    let noted = append(&effects);
    assert_eq!((noted.number, noted.failed_tries.len(), noted.waits.len()), (0, 1, 0));
    assert_eq!(case.attempt.wake_at(), Some(Timestamp::from_micros(1_000_000)));
    // Nobody waits for the note to be written.
    let effects = case.after(Duration::from_secs(1));
    assert_eq!((start(&effects).try_number, start(&effects).max_tries), (2, 2));
}

#[test]
fn a_long_wait_for_the_next_try_is_a_timer() {
    let wait = Duration::from_mins(1);
    let (mut case, effects) = Case::of(Plan::Step { failures: 1, wait });
    let effects = case.end(start(&effects), fails());
    let set = append(&effects).clone();
    assert_eq!((set.number, set.failed_tries.len()), (1, 1));
    assert_eq!((set.waits[0].key.as_str(), set.waits[0].after), ("step#1~2", wait));
    assert_eq!(case.answer(&set, AppendAnswer::Accepted), []);
    let effects = case.on(Input::Woken(vec![fired("step#1~2", Kind::Retry, 1)]));
    assert_eq!(start(&effects).try_number, 2);
}

#[test]
fn what_an_earlier_attempt_left_is_taken_up() {
    let plan = Plan::Step { failures: 4, wait: Duration::from_secs(2) };
    let (case, effects) = Case::with(plan.clone().workflow(), Vec::new(), vec![left("step#1", 2, None)]);
    assert_eq!(effects, []);
    assert_eq!(case.attempt.wake_at(), Some(Timestamp::from_micros(2_000_000)));

    let standing = vec![left("step#1", 2, Some(Waiting::Retry))];
    let (mut case, effects) = Case::with(plan.clone().workflow(), Vec::new(), standing);
    assert_eq!(effects, []);
    let effects = case.on(Input::Woken(vec![fired("step#1~3", Kind::Retry, 1)]));
    assert_eq!(start(&effects).try_number, 3);

    let over = vec![fired("step#1~3", Kind::Retry, 1)];
    let (_, effects) = Case::with(plan.workflow(), over, vec![left("step#1", 2, None)]);
    assert_eq!(start(&effects).try_number, 3);

    let nap = Plan::Sleep(Duration::from_secs(9));
    let (_, effects) = Case::with(nap.workflow(), Vec::new(), vec![left("nap#1", 0, Some(Waiting::Sleep))]);
    assert_eq!(effects, [], "the timer stands already");
}

#[test]
fn a_try_that_was_interrupted_before_a_run_left_memory_uses_none_up() {
    let plan = Plan::Step { failures: 2, wait: Duration::from_secs(2) };
    // Tries that failed, the last number of them; the number of the next, how many there may be.
    for (failed, last, number, most) in
        [(0, 0, 1, 3), (1, 1, 2, 3), (1, 2, 3, 4), (1, 4, 5, 6), (2, 2, 3, 3), (2, 5, 6, 6)]
    {
        let open = |waiting| vec![OpenCall { last_try: last, ..left("step#1", failed, waiting) }];
        let (mut case, effects) = Case::with(plan.clone().workflow(), Vec::new(), open(None));
        let effects = if failed > 0 { case.after(Duration::from_secs(2)) } else { effects };
        let begun = start(&effects).clone();
        assert_eq!((begun.try_number, begun.max_tries), (number, most), "{failed} failed, the last was {last}");
        // What failed before counts, what was interrupted does not: so many may fail yet.
        let ended = case.end(&begun, fails());
        let given_up = append(&ended).failed_tries.is_empty();
        assert_eq!(given_up, failed == 2, "{failed} failed, the last was {last}: {ended:?}");

        let (mut case, effects) = Case::with(plan.clone().workflow(), Vec::new(), open(Some(Waiting::Retry)));
        assert_eq!(effects, []);
        let fired = fired(StepKey::new("step#1").retry(number).as_str(), Kind::Retry, 1);
        assert_eq!(start(&case.on(Input::Woken(vec![fired]))).try_number, number, "its timer has its number");
    }
}

#[test]
fn a_run_that_only_waits_leaves_memory_after_a_grace() {
    let (mut case, effects) = Case::of(Plan::Sleep(Duration::from_hours(1)));
    let set = append(&effects).clone();
    assert_eq!((set.number, set.waits.len()), (1, 1));
    assert_eq!(case.answer(&set, AppendAnswer::Accepted), []);
    assert_eq!(case.after(limits::SUSPEND_GRACE / 2), []);
    let effects = case.after(limits::SUSPEND_GRACE / 2);
    let suspend = append(&effects).clone();
    assert_eq!((suspend.number, &suspend.next), (2, &Next::Suspend { seen_outside: 0 }));
    // A wake that comes this instant is told only if the run stays.
    let nap = fired("nap#1", Kind::Sleep, 1);
    assert_eq!(case.on(Input::Woken(vec![nap.clone()])), []);
    let effects = case.answer(&suspend, AppendAnswer::Overtaken { outside: vec![nap] });
    let end = append(&effects);
    assert_eq!((end.number, &end.next), (3, &Next::Complete(encode(0))));
}

#[test]
fn rows_from_outside_are_told_in_their_order() {
    let nap = |_| Plan::Sleep(Duration::from_secs(1));
    let (mut case, effects) = Case::of(Plan::Then((0..3).map(nap).collect()));
    let set = append(&effects).clone();
    case.answer(&set, AppendAnswer::Accepted);
    let wake = |number| fired(&format!("nap#{number}"), Kind::Sleep, number);
    assert_eq!(case.on(Input::Woken(vec![wake(3)])), [Effect::ReadOutside { after: 0 }]);
    assert_eq!(case.on(Input::Woken(vec![wake(3)])), [Effect::ReadOutside { after: 0 }]);
    assert_eq!(case.on(Input::OutsideRead(vec![wake(2)])), [], "asked once a wake");
    let effects = case.on(Input::OutsideRead(vec![wake(1)]));
    assert!(matches!(append(&effects).next, Next::Complete(_)));
}

#[test]
fn a_step_that_runs_out_of_time_fails_with_what_its_last_try_said() {
    let bounded = StepOptions { timeout: Some(Duration::from_secs(3)), ..options(9, Duration::from_secs(2)) };
    let (mut case, effects) = Case::with(
        |scope| {
            Box::pin(async move {
                let call = scope.step::<_, u64>("step", "f", &0_u64, bounded);
                call.await.map(encode).map_err(Failure::from)
            })
        },
        Vec::new(),
        Vec::new(),
    );
    let first = start(&effects).clone();
    let (limit, _) = first.bounds.of_try(case.now).expect("it is bounded");
    assert_eq!(limit, Duration::from_secs(3));
    let effects = case.end(&first, fails());
    case.answer(append(&effects), AppendAnswer::Accepted);
    let second = start(&case.after(Duration::from_secs(2))).clone();
    let (limit, _) = second.bounds.of_try(case.now).expect("it is bounded");
    assert_eq!(limit, Duration::from_secs(1));
    let effects = case.end(&second, fails());
    let Err(failure) = &append(&effects).rows[0].outcome else {
        panic!("a failure");
    };
    assert_eq!((failure.cause, failure.chain.as_slice()), (Cause::Timeout, &["not this time".to_owned()][..]));
}

#[test]
fn without_a_lease_nothing_begins_and_what_ran_begins_anew() {
    let (mut case, effects) = Case::of(Plan::Then(vec![STEP, STEP]));
    let first = start(&effects).clone();
    assert_eq!(case.on(Input::Lapsed), [Effect::Abort(first.key.clone())]);
    assert_eq!(case.end(&first, Ok(encode(5))), [], "a remnant's result is nobody's");
    let effects = case.on(Input::Renewed);
    let again = start(&effects).clone();
    assert_eq!((again.try_number, again.max_tries), (2, 2), "another number, and no try used up");
    let effects = case.end(&again, Ok(encode(1)));
    let row = append(&effects).clone();
    assert_eq!(case.on(Input::Lapsed), []);
    assert_eq!(case.answer(&row, AppendAnswer::Accepted), []);
    assert_eq!(start(&case.on(Input::Renewed)).key, StepKey::new("step#2"));
}

#[test]
fn a_draining_worker_finishes_what_runs_and_lets_go() {
    let (mut case, effects) = Case::of(Plan::Then(vec![STEP, STEP]));
    let first = start(&effects).clone();
    assert_eq!(case.on(Input::Drain), []);
    let effects = case.end(&first, Ok(encode(1)));
    let row = append(&effects).clone();
    let released = [Effect::HandBack(HandBackReason::Released)];
    assert_eq!(case.answer(&row, AppendAnswer::Accepted), released);

    let (mut case, effects) = Case::of(Plan::Sleep(Duration::from_hours(1)));
    case.answer(append(&effects), AppendAnswer::Accepted);
    let effects = case.on(Input::Drain);
    assert!(matches!(append(&effects).next, Next::Suspend { .. }), "it need not wait elsewhere");
}

#[test]
fn what_cannot_be_written_parks_and_never_loops() {
    let (mut case, effects) = Case::of(Plan::Then(vec![STEP, STEP]));
    let effects = case.end(start(&effects), Ok(encode(1)));
    let invalid = || AppendAnswer::Invalid { reason: "too long".to_owned() };
    let effects = case.answer(append(&effects), invalid());
    let park = append(&effects).clone();
    assert!(matches!(park.next, Next::Park(Parked::Limit { .. })), "{park:?}");
    assert_eq!((park.number, park.rows.len()), (1, 0));
    let lacking = [Effect::HandBack(HandBackReason::Lacking)];
    assert_eq!(case.answer(&park, invalid()), lacking);
}

#[test]
fn a_lost_run_is_dropped_with_all_that_runs() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP]));
    let Effect::Start(second) = &effects[1] else {
        panic!("two starts");
    };
    let effects = case.end(second, Ok(encode(1)));
    let first = StepKey::new("join#1/b0#1/step#1");
    let row = append(&effects).clone();
    assert_eq!(case.answer(&row, AppendAnswer::Fenced), [Effect::Abort(first), Effect::Drop]);
}

#[test]
fn an_unknown_function_parks_by_name() {
    let (mut case, _) = Case::of(STEP);
    let unknown = Parked::Unregistered { name: "fails0".to_owned() };
    let effects = case.on(Input::Unfit(unknown.clone()));
    assert!(matches!(effects[0], Effect::Abort(_)));
    assert_eq!(append(&effects).next, Next::Park(unknown));
}

#[test]
fn appends_stay_below_a_message_and_the_end_goes_last() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP; 5]));
    let starts: Vec<_> = effects.iter().map(|it| start(std::slice::from_ref(it)).clone()).collect();
    let large = || Err(Failure { chain: vec!["x".repeat(400 * 1024)], ..Failure::permanent("no") });
    let mut effects = case.end(&starts[0], Ok(encode(1)));
    for start in &starts[1..] {
        // The first failure ends the workflow; the rows of the others are then nobody's.
        case.end(start, large());
    }
    let (mut rows, mut sent) = (0, 0);
    loop {
        let append = append(&effects).clone();
        assert!(weight(&append) < limits::MESSAGE_BYTES);
        rows += append.rows.len();
        sent += 1;
        effects = case.answer(&append, AppendAnswer::Accepted);
        if let [Effect::Start(undo)] = effects.as_slice() {
            let undo = undo.clone();
            effects = case.end(&undo, Ok(encode(0)));
        }
        if effects == [Effect::Drop] {
            break;
        }
    }
    assert!(rows >= 3 && sent >= 3, "{rows} rows in {sent} appends");
}
