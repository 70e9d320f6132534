//! Random workflows: trees of calls that wait for each other, run beside each other and race.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{join_all, select_all},
    stream::FuturesUnordered,
};
use proptest::prelude::*;

use super::{
    super::{Access, BoxFuture, Road, Scope, StepOptions},
    world::{Body, or_error, step},
};
use crate::{
    codec,
    message::{
        batch::{BatchItem, BatchTerms, OnFailure},
        read::More,
        state::StateScope,
    },
};

/// One part of a workflow. Its value is a number that depends on the values of its parts.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    /// A step whose input depends on what came before; it fails where the input ends in 9.
    Step(u8),
    Sleep,
    /// What `random`, `uuid` and `now` say.
    Draw,
    /// One after the other.
    Chain(Vec<Tree>),
    /// Beside each other, each in a scope of its own.
    Branches(Vec<Tree>),
    /// The same in the order in which they finish.
    Unordered(Vec<Tree>),
    /// Steps beside each other in one scope.
    Wide(Vec<u8>),
    /// The first to finish; the others are dropped.
    Race(Vec<Tree>),
    /// The first to finish, pinned.
    Pinned(Vec<Tree>),
    /// A batch whose results are read to the end.
    Batch(Vec<u8>),
    /// State of the branch: written, updated, read.
    State(u8),
    /// Polled once and dropped, and one that is never polled.
    Peek(u8),
    /// The one or the other, by what came before.
    Either(Box<Tree>, Box<Tree>),
    /// Branches in one scope: keys go by the order of arrival.
    Shared(Vec<Tree>),
}

impl Tree {
    /// How many parts it has, itself included.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Step(_) | Self::Sleep | Self::Draw | Self::Peek(_) => 1,
            Self::State(_) => 4,
            Self::Wide(calls) | Self::Batch(calls) => 1 + calls.len(),
            Self::Either(left, right) => 1 + left.size() + right.size(),
            Self::Chain(parts)
            | Self::Branches(parts)
            | Self::Unordered(parts)
            | Self::Race(parts)
            | Self::Pinned(parts)
            | Self::Shared(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
        }
    }
}

/// Whether the order of completion may show in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Races {
    Allowed,
    None,
}

const FUNCTIONS: [&str; 4] = ["charge", "ship", "notify", "audit"];

pub(super) fn trees(races: Races) -> impl Strategy<Value = Tree> {
    let steps = prop_oneof![4 => any::<u8>().prop_map(Tree::Step), 1 => Just(Tree::Sleep)];
    let leaf = match races {
        Races::None => steps.boxed(),
        Races::Allowed => prop_oneof![8 => steps, 1 => Just(Tree::Draw), 1 => any::<u8>().prop_map(Tree::Peek)].boxed(),
    };
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let some = prop::collection::vec(inner.clone(), 1..5);
        let calm = prop_oneof![
            3 => some.clone().prop_map(Tree::Chain),
            2 => some.clone().prop_map(Tree::Branches),
            1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Tree::Wide),
            1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Tree::Batch),
            1 => any::<u8>().prop_map(Tree::State),
            1 => (inner.clone(), inner).prop_map(|(left, right)| Tree::Either(left.into(), right.into())),
        ];
        match races {
            Races::None => calm.boxed(),
            Races::Allowed => prop_oneof![
                4 => calm,
                1 => some.clone().prop_map(Tree::Race),
                2 => some.clone().prop_map(Tree::Pinned),
                1 => some.clone().prop_map(Tree::Unordered),
                1 => some.prop_map(Tree::Shared),
            ]
            .boxed(),
        }
    })
}

/// What a run saw, in the order in which it saw it.
pub(super) type Diary = Arc<Mutex<Vec<String>>>;

/// The workflow of a tree. Its result is the tree's value and everything it saw.
pub(super) fn planted(tree: Tree) -> Body {
    let tree = Arc::new(tree);
    Box::new(move |scope| {
        let tree = Arc::clone(&tree);
        let diary = Diary::default();
        Box::pin(async move {
            let value = grow(&tree, scope, 1, Arc::clone(&diary)).await;
            let seen = std::mem::take(&mut *diary.lock().expect("nobody panics"));
            Ok(codec::encode(&(value, seen))?)
        })
    })
}

/// The value alone of what [`planted`] returns.
pub(super) fn value_alone(payload: &[u8]) -> u64 {
    codec::decode::<(u64, Vec<String>)>(payload).expect("it was encoded so").0
}

fn mix(left: u64, right: u64) -> u64 {
    (left.wrapping_mul(31).wrapping_add(right)) % 1_000_003
}

fn note(diary: &Diary, text: String) {
    diary.lock().expect("nobody panics").push(text);
}

fn grow(tree: &Tree, scope: Scope, before: u64, diary: Diary) -> BoxFuture<u64> {
    match tree.clone() {
        Tree::Step(function) => {
            let name = FUNCTIONS[usize::from(function) % FUNCTIONS.len()];
            let call = step(&scope, name, mix(before, function.into()));
            Box::pin(async move {
                let value = or_error(call.await);
                note(&diary, format!("{}{name} gave {value}", scope.path()));
                value
            })
        }
        Tree::Sleep => {
            let call = scope.sleep("nap", Duration::from_secs(before));
            Box::pin(async move { or_error(call.await.map(|()| 3)) })
        }
        Tree::Draw => Box::pin(async move {
            note(&diary, format!("{} {} {}", scope.random(), scope.uuid(), scope.now()));
            before
        }),
        Tree::Chain(parts) => Box::pin(async move {
            let mut value = before;
            for part in parts {
                value = mix(value, grow(&part, scope.clone(), value, Arc::clone(&diary)).await);
            }
            value
        }),
        Tree::Branches(parts) => {
            let parts = branches(&parts, &scope, "parallel", before, &diary);
            Box::pin(async move { join_all(parts).await.into_iter().fold(before, mix) })
        }
        Tree::Unordered(parts) => {
            let parts = branches(&parts, &scope, "unordered", before, &diary);
            Box::pin(async move {
                let parts: FuturesUnordered<_> = parts.into_iter().collect();
                parts.fold(before, async |value, part| mix(value, part)).await
            })
        }
        Tree::Wide(inputs) => {
            let calls: Vec<_> = inputs.iter().map(|input| step(&scope, "wide", mix(before, (*input).into()))).collect();
            Box::pin(async move { join_all(calls).await.into_iter().map(or_error).fold(before, mix) })
        }
        Tree::Race(parts) => {
            let parts = branches(&parts, &scope, "race", before, &diary);
            Box::pin(async move {
                let (value, winner, losers) = select_all(parts).await;
                drop(losers);
                note(&diary, format!("{winner} won"));
                value
            })
        }
        Tree::Pinned(parts) => {
            let race = scope.race("race", Road::Away);
            let parts = within(&parts, race.scope(), before, &diary);
            Box::pin(async move {
                let (value, winner, losers) = select_all(parts).await;
                drop(losers);
                let pinned = race.pin(winner as u32).await;
                note(&diary, format!("{winner} won, pinned as {pinned:?}"));
                value
            })
        }
        Tree::Batch(inputs) => Box::pin(batch(inputs, scope, before, diary)),
        Tree::State(number) => Box::pin(state(number, scope, before, diary)),
        Tree::Peek(input) => Box::pin(async move {
            let _never = step(&scope, "peek", input.into());
            assert!(step(&scope, "peek", input.into()).now_or_never().is_none());
            before
        }),
        Tree::Either(left, right) => {
            let chosen = if before.is_multiple_of(2) { left } else { right };
            grow(&chosen, scope, before, diary)
        }
        Tree::Shared(parts) => Box::pin(async move {
            let parts: Vec<_> =
                parts.iter().map(|part| grow(part, scope.clone(), before, Arc::clone(&diary))).collect();
            join_all(parts).await.into_iter().fold(before, mix)
        }),
    }
}

fn branches(parts: &[Tree], scope: &Scope, verb: &'static str, before: u64, diary: &Diary) -> Vec<BoxFuture<u64>> {
    within(parts, &scope.fan_out(verb), before, diary)
}

fn within(parts: &[Tree], verb: &Scope, before: u64, diary: &Diary) -> Vec<BoxFuture<u64>> {
    let branch = |(index, part): (usize, &Tree)| {
        grow(part, verb.branch(index.to_string()), mix(before, index as u64), Arc::clone(diary))
    };
    parts.iter().enumerate().map(branch).collect()
}

/// The terms of a batch of the tests.
pub(super) fn terms() -> BatchTerms {
    BatchTerms {
        function: "f".to_owned(),
        queue: None,
        item: StepOptions::default(),
        max_concurrency: 3,
        on_failure: OnFailure::Continue,
    }
}

async fn batch(inputs: Vec<u8>, scope: Scope, before: u64, diary: Diary) -> u64 {
    let item = move |(index, input): (usize, u8)| {
        let input = codec::encode(&mix(before, input.into())).expect("a number encodes");
        Ok(BatchItem { id: Some(format!("item {index}")), input })
    };
    let items = inputs.into_iter().enumerate().map(item);
    let (key, summary) = match scope.batch("batch", terms(), Box::new(items)).await {
        Ok(end) => end,
        Err(error) => return or_error(Err(error)),
    };
    let mut value = summary.total.into();
    let mut after = 0;
    loop {
        let page = scope.fetch(key.clone(), after).await;
        for result in &page.results {
            note(&diary, format!("{key}/{} {:?}", result.item, result.id));
            let outcome = result.outcome.clone().expect("it was executed");
            value = mix(value, outcome.map_or(5, |payload| codec::decode(&payload).expect("a number")));
            after = result.item;
        }
        if page.more == More::End {
            return value;
        }
    }
}

async fn state(number: u8, scope: Scope, before: u64, diary: Diary) -> u64 {
    fn read(payload: &[u8]) -> Result<(Option<u64>, i64), codec::DecodeError> {
        let value = codec::unversioned(payload)?;
        Ok((value.value.map(|value| codec::decode(&value)).transpose()?, value.version))
    }
    let of = format!("{}{number}", scope.path());
    let access = |access| scope.state(StateScope::Run, of.clone(), access, read);
    let encoded = |value: u64| codec::encode(&value).expect("a number encodes");
    let set = access(Access::Set(Some(encoded(before)))).await;
    let add = move |current: Option<&[u8]>| {
        let current = current.map_or(0, |value| codec::decode::<u64>(value).expect("a number"));
        Ok(encoded(current + u64::from(number)))
    };
    let updated = scope.update(StateScope::Run, of.clone(), Box::new(add), codec::unversioned).await;
    let expected = updated.as_ref().map_or(0, |updated| updated.version);
    let set_if = access(Access::SetIf { value: None, expected }).await;
    let got = access(Access::Get).await;
    note(&diary, format!("{of}: {set:?} {updated:?} {set_if:?} {got:?}"));
    mix(before, number.into())
}
