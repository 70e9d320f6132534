//! The rules for state.

use std::time::Duration;

use piton_shared::{
    codec,
    journal::{Kind, Place, StepKey},
    message::{
        append::{Append, AppendAnswer, Next},
        state::{StateScope, StateValue, StateWrite},
    },
};

use super::{
    case::{Case, STEP, append, fired, start},
    plan::{Plan, encode},
    verbs::COUNTER,
};
use crate::runtime::attempt::{Effect, Input};

fn stands(value: u64, version: i64) -> StateValue {
    StateValue { value: Some(encode(value)), version }
}

/// Answers a read, and returns the append with the write.
fn read(case: &mut Case, key: &str, value: StateValue) -> Append {
    let effects = case.on(Input::StateRead { key: StepKey::new(key), value });
    append(&effects).clone()
}

#[test]
fn a_write_goes_over_the_version_that_was_read_and_is_told_once_it_is_accepted() {
    let (mut case, effects) = Case::of(Plan::Then(vec![Plan::Count, STEP]));
    let key = StepKey::new("state.update#1");
    let reading = Effect::ReadState { key: key.clone(), scope: StateScope::Session, name: COUNTER.to_owned() };
    assert_eq!(effects, [reading]);
    let written = read(&mut case, "state.update#1", stands(4, 7));
    let row = written.rows.last().expect("it answers the call");
    assert_eq!((row.kind, row.name.as_str(), row.place), (Kind::State, "update", Place::Own { number: 1, after: 0 }));
    assert_eq!(row.outcome, Ok(codec::versioned(Some(&encode(5)), 8)));
    let write =
        StateWrite { scope: StateScope::Session, name: COUNTER.to_owned(), value: Some(encode(5)), expected: 7 };
    assert_eq!((written.number, written.state.as_ref()), (1, Some(&write)));
    let effects = case.answer(&written, AppendAnswer::Accepted);
    assert_eq!(start(&effects).key, StepKey::new("step#1"), "its row is written already");
}

#[test]
fn whoever_was_faster_has_an_update_computed_anew() {
    let (mut case, _) = Case::of(Plan::Count);
    let first = read(&mut case, "state.update#1", stands(4, 7));
    let effects = case.answer(&first, AppendAnswer::Conflict { current: stands(10, 9) });
    let second = append(&effects).clone();
    assert_eq!(second.number, 1, "nothing of the first was written");
    let write = second.state.clone().expect("a write");
    assert_eq!((write.value, write.expected), (Some(encode(11)), 9));
    let effects = case.answer(&second, AppendAnswer::Accepted);
    assert!(matches!(append(&effects).next, Next::Complete(_)));
}

#[test]
fn while_a_write_is_under_way_nothing_is_told_and_a_conflict_loses_nothing() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP, Plan::Count]));
    let [Effect::ReadState { .. }, Effect::Start(first), Effect::Start(second)] = effects.as_slice() else {
        panic!("two steps and a read: {effects:?}");
    };
    let effects = case.end(first, Ok(encode(1)));
    let alone = append(&effects).clone();
    // Both are ready while an append is under way, so they travel together.
    let key = StepKey::new("join#1/b2#1/state.update#1");
    assert_eq!(case.on(Input::StateRead { key, value: stands(0, 0) }), []);
    assert_eq!(case.end(second, Ok(encode(2))), [], "it waits its turn behind the write");
    let effects = case.answer(&alone, AppendAnswer::Accepted);
    let with_write = append(&effects).clone();
    assert_eq!((with_write.rows.len(), with_write.state.is_some()), (1, true));
    let effects = case.answer(&with_write, AppendAnswer::Conflict { current: stands(3, 1) });
    let retold = append(&effects).clone();
    let numbers: Vec<_> = retold.rows.iter().map(|row| row.place).collect();
    assert_eq!(numbers, [Place::Own { number: 2, after: 0 }, Place::Own { number: 3, after: 0 }]);
    assert_eq!(retold.state.as_ref().map(|write| write.expected), Some(1));
    let effects = case.answer(&retold, AppendAnswer::Accepted);
    assert!(matches!(append(&effects).next, Next::Complete(_)));
}

#[test]
fn rows_that_travelled_with_a_refused_write_travel_again() {
    let (mut case, effects) = Case::of(Plan::Join(vec![STEP, STEP, Plan::Count, Plan::Fan(vec![STEP])]));
    let [Effect::ReadState { .. }, Effect::Start(first), Effect::Start(second), Effect::Append(given)] =
        effects.as_slice()
    else {
        panic!("two steps, a read and what is given away: {effects:?}");
    };
    case.end(first, Ok(encode(1)));
    case.end(second, Ok(encode(2)));
    let key = StepKey::new("join#1/b2#1/state.update#1");
    case.on(Input::StateRead { key, value: stands(0, 0) });
    let effects = case.answer(given, AppendAnswer::Accepted);
    let together = append(&effects).clone();
    assert_eq!((together.rows.len(), together.state.is_some()), (3, true));
    let effects = case.answer(&together, AppendAnswer::Conflict { current: stands(3, 1) });
    let again = append(&effects).clone();
    assert_eq!(again.rows[..2], together.rows[..2]);
    assert_eq!((again.rows.len(), again.number), (3, together.number));
}

#[test]
fn a_value_that_was_written_here_is_written_again_without_a_look() {
    let (mut case, _) = Case::of(Plan::Then(vec![Plan::Keep, Plan::Keep]));
    let first = read(&mut case, "state.set#1", StateValue::default());
    assert_eq!(first.state.as_ref().map(|write| write.expected), Some(0));
    case.answer(&first, AppendAnswer::Accepted);
    let got = read(&mut case, "state.get#1", stands(0, 1));
    let [row, second] = got.rows.as_slice() else { panic!("what was read, and the next write: {got:?}") };
    assert_eq!((row.name.as_str(), second.name.as_str()), ("get", "set"));
    assert_eq!(got.state.as_ref().map(|write| write.expected), Some(1));
}

#[test]
fn a_refused_write_is_told_what_stands_there_and_never_looks_written() {
    for current in [stands(9, 5), stands(9, 1)] {
        let (mut case, _) = Case::of(Plan::CountIf);
        let effects = case.on(Input::StateRead { key: StepKey::new("state.get#1"), value: StateValue::default() });
        let written = append(&effects).clone();
        let effects = case.answer(&written, AppendAnswer::Conflict { current: current.clone() });
        let refused = append(&effects).clone();
        let row = refused.rows.iter().find(|row| row.name == "set").expect("the refusal is a row");
        assert_eq!(row.outcome, Ok(codec::contested(Some(&encode(9)), current.version)));
    }
}

#[test]
fn a_row_from_outside_waits_for_the_write_that_is_under_way() {
    let (mut case, effects) = Case::of(Plan::Join(vec![Plan::Count, Plan::Sleep(Duration::from_secs(1))]));
    case.answer(append(&effects), AppendAnswer::Accepted);
    let written = read(&mut case, "join#1/b0#1/state.update#1", StateValue::default());
    assert_eq!(case.on(Input::Woken(vec![fired("join#1/b1#1/nap#1", Kind::Sleep, 1)])), []);
    assert_eq!(case.attempt.outside_known(), Some(0));
    let effects = case.answer(&written, AppendAnswer::Accepted);
    assert!(matches!(append(&effects).next, Next::Complete(_)), "{effects:?}");
    assert_eq!(effects.len(), 1, "and nothing has to be read again");
}

#[test]
fn what_was_read_for_a_machine_that_is_gone_is_read_again() {
    let (mut case, _) = Case::of(Plan::Join(vec![Plan::Count, Plan::CountIf]));
    let written = read(&mut case, "join#1/b0#1/state.update#1", StateValue::default());
    let got = StepKey::new("join#1/b1#1/state.get#1");
    assert_eq!(case.on(Input::StateRead { key: got, value: StateValue::default() }), []);
    assert_eq!(case.answer(&written, AppendAnswer::Superseded), [Effect::Replay]);
    let effects = case.journal(Plan::Join(vec![Plan::Count, Plan::CountIf]), Vec::new());
    let reads = effects.iter().filter(|effect| matches!(effect, Effect::ReadState { .. })).count();
    assert_eq!((effects.len(), reads), (2, 2), "{effects:?}");
}
