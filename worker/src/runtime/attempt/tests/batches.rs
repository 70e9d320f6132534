//! The rules for batches and their results.

use piton_shared::{
    codec,
    journal::{Entry, Kind, StepKey},
    limits,
    message::{
        append::{AppendAnswer, Next},
        batch::{BatchStatus, BatchSummary, ItemResult},
        claim::{HandBackReason, Waiting},
        read::More,
    },
    replay::{Fetch, FetchedResults},
};

use super::{
    case::{Case, STEP, append, fired, left, start},
    plan::{Plan, encode},
};
use crate::runtime::attempt::{Effect, Input, weight};

fn ended(key: &str, total: u32) -> Entry {
    let summary = BatchSummary {
        status: BatchStatus::Completed,
        total,
        completed: total,
        failed: 0,
        cancelled: 0,
        duration_ms: 1,
        item_ms: 1,
    };
    let outcome = Ok(codec::encode(&summary).expect("numbers"));
    Entry { name: "fails0".to_owned(), outcome, ..fired(key, Kind::Batch, 1) }
}

fn page(after: u32, results: u32, more: More) -> FetchedResults {
    let result = |item| ItemResult {
        item,
        id: None,
        outcome: Some(Ok(encode(u64::from(item)))),
        try_number: 1,
        worker: None,
        started_at: None,
        finished_at: None,
    };
    FetchedResults { results: (after + 1..=after + results).map(result).collect(), more }
}

fn fetch(key: &str, id: u64, after: u32) -> Fetch {
    Fetch { id, batch: StepKey::new(key), after }
}

#[test]
fn items_are_handed_over_chunk_by_chunk_as_they_are_written() {
    let (mut case, mut effects) = Case::of(Plan::Batch(1_200));
    let mut firsts = Vec::new();
    loop {
        let given = append(&effects).clone();
        let [chunk] = given.batches.as_slice() else { panic!("one chunk: {given:?}") };
        assert!(weight(&given) < limits::MESSAGE_BYTES && given.number > 0);
        firsts.push((chunk.first, chunk.items.len(), chunk.more));
        assert_eq!(case.after(limits::SUSPEND_GRACE), [], "it stays while a chunk is under way");
        effects = case.answer(&given, AppendAnswer::Accepted);
        if effects.is_empty() {
            break;
        }
    }
    assert_eq!(firsts, [(1, 512, More::Follows), (513, 512, More::Follows), (1025, 176, More::End)]);
    assert!(matches!(append(&case.after(limits::SUSPEND_GRACE)).next, Next::Suspend { .. }));
}

#[test]
fn a_batch_goes_on_where_an_earlier_attempt_left_it() {
    let batch = |waiting| vec![left("many#1", 0, Some(waiting))];
    let follows = batch(Waiting::Batch { items: 512, more: More::Follows });
    let (mut case, effects) = Case::with(Plan::Batch(600).workflow(), Vec::new(), follows);
    let given = append(&effects).clone();
    assert_eq!((given.batches[0].first, given.batches[0].items.len(), given.batches[0].more), (513, 88, More::End));
    assert_eq!(case.answer(&given, AppendAnswer::Accepted), []);

    let sealed = batch(Waiting::Batch { items: 600, more: More::End });
    let (mut case, effects) = Case::with(Plan::Batch(600).workflow(), Vec::new(), sealed);
    assert_eq!(effects, []);
    assert!(matches!(append(&case.after(limits::SUSPEND_GRACE)).next, Next::Suspend { .. }));
}

#[test]
fn a_draining_worker_does_not_hand_over_the_rest() {
    let (mut case, effects) = Case::of(Plan::Batch(1_200));
    let given = append(&effects).clone();
    assert_eq!(case.on(Input::Drain), []);
    let released = [Effect::HandBack(HandBackReason::Released)];
    assert_eq!(case.answer(&given, AppendAnswer::Accepted), released);
}

#[test]
fn while_results_are_read_nothing_is_told() {
    const KEY: &str = "join#1/b0#1/many#1";
    let (mut case, effects) = Case::of(Plan::Join(vec![Plan::Batch(3), STEP]));
    let [Effect::Start(step), Effect::Append(given)] = effects.as_slice() else {
        panic!("a step and a batch: {effects:?}");
    };
    case.answer(given, AppendAnswer::Accepted);
    assert_eq!(case.on(Input::Woken(vec![ended(KEY, 3)])), [Effect::Fetch(fetch(KEY, 1, 0))]);
    assert_eq!(case.end(step, Ok(encode(2))), []);
    assert_eq!(case.after(limits::SUSPEND_GRACE), []);
    assert_eq!(case.attempt.wake_at(), None);
    let effects = case.on(Input::Fetched { fetch: fetch(KEY, 1, 0), results: page(0, 2, More::Follows) });
    assert_eq!(effects, [Effect::Fetch(fetch(KEY, 2, 2))]);
    let stale = case.on(Input::Fetched { fetch: fetch(KEY, 1, 0), results: page(0, 2, More::Follows) });
    assert_eq!(stale, [], "it was answered before");
    let effects = case.on(Input::Fetched { fetch: fetch(KEY, 2, 2), results: page(2, 1, More::End) });
    let end = append(&effects);
    assert_eq!((end.rows.len(), matches!(end.next, Next::Complete(_))), (1, true));
}

#[test]
fn a_replay_stops_where_results_are_read() {
    let plan = || Plan::Then(vec![Plan::Batch(3), STEP, STEP]);
    let (mut case, effects) = Case::of(plan());
    case.answer(append(&effects), AppendAnswer::Accepted);
    case.on(Input::Woken(vec![ended("many#1", 3)]));
    let effects = case.on(Input::Fetched { fetch: fetch("many#1", 1, 0), results: page(0, 3, More::End) });
    let effects = case.end(start(&effects), Ok(encode(7)));
    let row = append(&effects).rows[0].clone();

    let (mut case, effects) = Case::with(plan().workflow(), vec![ended("many#1", 3), row], Vec::new());
    assert_eq!(effects, [Effect::Fetch(fetch("many#1", 1, 0))]);
    assert_eq!(case.on(Input::Lapsed), []);
    assert_eq!(case.on(Input::Renewed), []);
    let effects = case.on(Input::Fetched { fetch: fetch("many#1", 1, 0), results: page(0, 3, More::End) });
    assert_eq!(start(&effects).key, StepKey::new("step#2"));
}

#[test]
fn what_runs_is_interrupted_also_while_a_replay_is_held_up() {
    const KEY: &str = "join#1/b0#1/many#1";
    let plan = || Plan::Join(vec![Plan::Batch(3), STEP, STEP]);
    let (mut case, effects) = Case::of(plan());
    let [Effect::Start(first), Effect::Start(second), Effect::Append(given)] = effects.as_slice() else {
        panic!("two steps and a batch: {effects:?}");
    };
    case.answer(given, AppendAnswer::Accepted);
    case.on(Input::Woken(vec![ended(KEY, 3)]));
    case.on(Input::Fetched { fetch: fetch(KEY, 1, 0), results: page(0, 3, More::End) });
    let effects = case.end(first, Ok(encode(1)));
    let row = append(&effects).clone();
    assert_eq!(case.answer(&row, AppendAnswer::Superseded), [Effect::Replay]);
    let effects = case.journal(plan(), vec![ended(KEY, 3), row.rows[0].clone()]);
    assert_eq!(effects, [Effect::Fetch(fetch(KEY, 1, 0))]);
    assert_eq!(case.on(Input::Lapsed), [Effect::Abort(second.key.clone())]);
    assert_eq!(case.on(Input::Renewed), []);
    let effects = case.on(Input::Fetched { fetch: fetch(KEY, 1, 0), results: page(0, 3, More::End) });
    assert_eq!(start(&effects).try_number, 2);
}
