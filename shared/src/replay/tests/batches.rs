//! Batches: items handed over as they are wanted, results read without a row.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures::future::{join, join3, select};
use proptest::prelude::*;

use super::{
    super::{DeliveryError, ItemSource, Prompt, Replayed, Request, Scope, Turn},
    store::Store,
    trees::terms,
    world::{Body, Origin, World, machine, parked, step, value, workflow},
};
use crate::{
    codec,
    journal::StepKey,
    limits,
    message::{batch::BatchItem, read::More},
    parked::Parked,
};

/// A batch of texts of these lengths; counts what is taken from its source.
fn texts(lengths: Arc<Vec<usize>>, taken: Arc<AtomicU32>) -> Body {
    workflow(move |scope: Scope| {
        let (lengths, taken) = (Arc::clone(&lengths), Arc::clone(&taken));
        async move {
            let items = (0..lengths.len()).map(move |index| {
                taken.fetch_add(1, Ordering::Relaxed);
                Ok(item(index, lengths[index]))
            });
            let (_, summary) = scope.batch("batch", terms(), Box::new(items)).await?;
            Ok(summary.total)
        }
    })
}

fn item(index: usize, length: usize) -> BatchItem {
    BatchItem { id: Some(index.to_string()), input: codec::encode(&"x".repeat(length)).expect("text encodes") }
}

fn numbers(count: u64) -> Body {
    workflow(move |scope: Scope| async move {
        let end = scope.batch("batch", terms(), Box::new(source(count))).await?;
        Ok(sum(&scope, end.0).await)
    })
}

fn source(count: u64) -> impl Iterator<Item = Result<BatchItem, String>> + Send {
    (0..count).map(|number| Ok(BatchItem { id: None, input: codec::encode(&(number * 10)).expect("a number") }))
}

async fn sum(scope: &Scope, batch: StepKey) -> u64 {
    let (mut after, mut sum) = (0, 0);
    loop {
        let page = scope.fetch(batch.clone(), after).await;
        for result in page.results {
            let payload = result.outcome.expect("executed").expect("completed");
            sum += codec::decode::<u64>(&payload).expect("a number");
            after = result.item;
        }
        if page.more == More::End {
            return sum;
        }
    }
}

fn key() -> StepKey {
    StepKey::new("batch#1")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever was written of the items when an attempt died, the next one goes on behind it.
    #[test]
    fn any_chunking_and_any_crash_hands_over_every_item_once(
        lengths in prop::collection::vec(prop_oneof![9 => 0usize..40, 1 => 0usize..300_000], 0..1500),
        crashes in prop::collection::vec((1usize..4, any::<prop::sample::Index>()), 0..6),
    ) {
        let lengths = Arc::new(lengths);
        let taken = Arc::new(AtomicU32::new(0));
        let body = Arc::new(texts(Arc::clone(&lengths), Arc::clone(&taken)));
        let mut store = Store::default();
        for (chunks, kept) in crashes {
            let mut world = World::resume_with(&body, &[], store.clone());
            prop_assert_eq!(world.open_keys(), vec!["batch#1".to_owned()]);
            taken.store(0, Ordering::Relaxed);
            let before = world.store.batches.get(&key()).map_or(0, |batch| batch.items.len());
            for _ in 0..chunks {
                world.hand_over(&key());
            }
            store = world.store.clone();
            if let Some(batch) = store.batches.get_mut(&key()) {
                // One more than was handed over was looked at, to know whether more follows.
                prop_assert!(taken.load(Ordering::Relaxed) as usize <= batch.items.len() + 1);
                let kept = before + kept.index(batch.items.len() - before + 1);
                batch.sealed &= kept == batch.items.len();
                batch.items.truncate(kept);
            }
        }
        let mut last = World::resume_with(&body, &[], store);
        let end = last.run();
        prop_assert_eq!(value::<u32>(end) as usize, lengths.len());
        let expected: Vec<_> = lengths.iter().enumerate().map(|(index, length)| item(index, *length)).collect();
        prop_assert!(last.store.batches[&key()].items == expected);
        taken.store(0, Ordering::Relaxed);
        let again = World::resume(&body, &last.journal);
        prop_assert_eq!(again.end, last.end);
        prop_assert_eq!(taken.load(Ordering::Relaxed), 0, "a batch that has ended takes nothing");
    }
}

#[test]
fn items_are_taken_when_they_are_wanted() {
    const ITEMS: usize = 3 * limits::BATCH_CHUNK_ITEMS;
    let taken = Arc::new(AtomicU32::new(0));
    let mut world = World::begin(texts(Arc::new(vec![1; ITEMS]), Arc::clone(&taken)));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    world.hand_over(&key());
    assert_eq!(taken.load(Ordering::Relaxed) as usize, limits::BATCH_CHUNK_ITEMS + 1);
    while world.hand_over(&key()) {}
    assert_eq!(world.store.batches[&key()].chunks, [limits::BATCH_CHUNK_ITEMS; 3]);
    assert_eq!(world.machine.polls(), 4, "one a chunk");
}

#[test]
fn a_prompt_for_what_is_not_open_or_takes_none_says_nothing() {
    let mut world = World::begin(workflow(|scope: Scope| async move { Ok(step(&scope, "f", 1).await?) }));
    for key in ["f#1", "nothing#1"] {
        let turn = world.machine.prompt(&StepKey::new(key), Prompt::Items { from: 1 });
        assert_eq!(turn, Turn::Waiting(vec![]));
    }
    assert_eq!(world.machine.polls(), 1);
}

#[test]
fn a_batch_that_was_withdrawn_hands_nothing_over() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let batch = scope.batch("batch", terms(), Box::new(source(3)));
        select(batch, step(&scope, "f", 1)).await;
        Ok(step(&scope, "g", 1).await?)
    }));
    world.finish_key("f#1");
    assert_eq!(world.withdrawn.len(), 1);
    assert_eq!(world.machine.prompt(&key(), Prompt::Items { from: 1 }), Turn::Waiting(vec![]));
    world.finish_withdrawn(0);
    assert_eq!(value::<u64>(world.run()), 2);
}

#[test]
fn what_a_batch_cannot_hand_over_parks() {
    type Make = fn() -> ItemSource;
    let body = |items: Make| {
        workflow(move |scope: Scope| async move { Ok(scope.batch("batch", terms(), items()).await?.1.total) })
    };
    let cases: [(Make, u32, &str); 4] = [
        (|| Box::new([Err("too odd".to_owned())].into_iter()), 1, "item 1 of the batch `batch#1`: too odd"),
        (|| Box::new(source(3)), 9, "recorded a batch of 8 items or more, asked a batch of 3 items"),
        (|| Box::new(source(3).map(|_| panic!("the source"))), 1, "panicked: the source"),
        (|| Box::new(source(3)), 4, ""),
    ];
    for (items, from, text) in cases {
        let mut world = World::begin(body(items));
        let turn = world.machine.prompt(&key(), Prompt::Items { from });
        match turn {
            Turn::Parked(reason) => assert!(!text.is_empty() && reason.to_string().contains(text), "{reason}"),
            Turn::Waiting(requests) => {
                assert_eq!(text, "");
                assert!(matches!(&requests[..], [Request::Items(items)] if items.items.is_empty()), "{requests:?}");
                let Turn::Parked(reason) = world.machine.prompt(&key(), Prompt::Items { from: 1 }) else {
                    panic!("it never goes back")
                };
                assert!(reason.to_string().contains("asked again"), "{reason}");
            }
            Turn::Ended(end) => panic!("{end:?}"),
        }
    }
}

#[test]
fn a_source_that_counts_on_the_context_parks() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let draws = scope.clone();
        let items = source(3).inspect(move |_| assert!(draws.random() < 1.0));
        scope.batch("batch", terms(), Box::new(items)).await?;
        Ok(())
    }));
    world.hand_over(&key());
    let Parked::Limit { message } = parked(world) else { panic!("it draws") };
    assert!(message.contains("made with the context"), "{message}");
}

#[test]
fn nothing_is_told_while_results_are_read() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let read = async {
            let (key, _) = scope.batch("batch", terms(), Box::new(source(5))).await?;
            Ok::<_, crate::failure::StepError>(sum(&scope, key).await)
        };
        let (read, beside) = join(read, step(&scope, "beside", 1)).await;
        Ok((read?, beside?))
    }));
    let mut world = World::resume(&body, &[]);
    // The world tries to tell `beside#1` at every fetch, and is refused.
    world.finish_key("batch#1");
    assert_eq!(world.asides, 1 + 3, "a chunk and three pages");
    assert_eq!(value::<(u64, u64)>(world.run()), (105, 2));
    for rows in 0..=world.journal.len() {
        let mut again = World::resume_with(&body, &world.journal[..rows], world.store.clone());
        assert_eq!(again.run(), world.end.clone().expect("it ended"));
    }
}

#[test]
fn a_replay_stops_where_results_are_read_and_says_where() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let (key, _) = scope.batch("batch", terms(), Box::new(source(5))).await?;
        let sum = sum(&scope, key).await;
        let replayed = scope.is_replaying();
        Ok((step(&scope, "f", sum).await?, replayed))
    }));
    let mut world = World::resume(&body, &[]);
    let (_, replayed): (u64, bool) = value(world.run());
    assert!(!replayed);
    let mut again = machine(&body);
    let mut rest = &world.journal[..];
    let mut stops = vec![];
    let end = loop {
        match again.replay(rest).expect("the journal has no gaps") {
            Replayed::All(turn) => break turn,
            Replayed::Stopped(stopped) => {
                stops.push((stopped.taken, stopped.fetch.after));
                let early = again.deliver(&rest[stopped.taken]);
                assert_eq!(early, Err(DeliveryError::Fetching { fetch: stopped.fetch.id }));
                again.supply(stopped.fetch.id + 1, world.store.page(&stopped.fetch));
                assert!(matches!(again.replay(&rest[stopped.taken..]), Ok(Replayed::Stopped(_))), "it stops again");
                rest = &rest[stopped.taken..];
                // What is open now may be answered by the rest: nothing is said of it.
                let turn = again.supply(stopped.fetch.id, world.store.page(&stopped.fetch));
                assert_eq!(turn, Turn::Waiting(vec![]));
            }
        }
    };
    assert_eq!(stops, [(1, 0), (0, 2), (0, 4)]);
    let (_, replayed): (u64, bool) = value(end);
    assert!(replayed);
}

#[test]
fn readers_beside_each_other_are_served_in_turn() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let (key, _) = scope.batch("batch", terms(), Box::new(source(4))).await?;
        let gone = scope.fetch(key.clone(), 0);
        let (left, right, _) =
            join3(sum(&scope, key.clone()), sum(&scope, key), select(gone, std::future::ready(()))).await;
        Ok(left + right)
    }));
    let mut world = World::resume(&body, &[]);
    let end = world.run();
    assert_eq!(value::<u64>(end), 2 * 64);
    assert_eq!(World::resume_with(&body, &world.journal, world.store.clone()).end, world.end);
}

#[test]
fn supplying_what_nobody_waits_for_changes_nothing() {
    let mut world = World::begin(numbers(3));
    let page = super::super::FetchedResults { results: vec![], more: More::End };
    assert_eq!(world.machine.supply(7, page), Turn::Waiting(vec![]));
    assert_eq!(value::<u64>(world.run()), 33);
}

#[test]
fn an_empty_batch_is_one() {
    let mut world = World::begin(numbers(0));
    let end = world.run();
    assert_eq!(value::<u64>(end), 0);
    assert_eq!(world.store.batches[&key()].chunks, [0]);
    let row = world.journal.last().expect("one row");
    assert!(matches!(row.place, crate::journal::Place::Outside { .. }), "{:?}", Origin::Outside);
}
