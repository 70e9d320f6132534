//! Random histories of random workflows: crash anywhere, finish in any order, deliver twice, cancel at any time.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;

use super::{
    super::{DeliveryError, Replayed, Road, Turn},
    trees::{Races, Tree, planted, trees, value_alone},
    world::{Body, Origin, World, machine},
};
use crate::journal::{Entry, Kind, Place, StepKey, in_order};

/// What the world does next, drawn in advance so that a failing case shrinks.
#[derive(Debug, Clone, Copy)]
struct Move {
    what: u8,
    which: prop::sample::Index,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = (any::<u8>(), any::<prop::sample::Index>()).prop_map(|(what, which)| Move { what, which });
    prop::collection::vec(one, 1..60)
}

/// What is open after so many rows.
type Snapshots = Vec<Vec<String>>;

fn origin(what: u8) -> Origin {
    if what.is_multiple_of(2) { Origin::Own } else { Origin::Outside }
}

/// Lives a run to its end.
fn live(body: &Arc<Body>, moves: &[Move], cancel: Option<usize>) -> (World, Snapshots) {
    let mut world = World::resume(body, &[]);
    let snapshots = go_on(&mut world, moves, cancel);
    (world, snapshots)
}

fn go_on(world: &mut World, moves: &[Move], cancel: Option<usize>) -> Snapshots {
    let mut snapshots = vec![world.open_keys()];
    for Move { what, which } in moves.iter().cycle() {
        if world.end.is_some() {
            break;
        }
        let rows = world.journal.len();
        if cancel == Some(rows) {
            world.cancel();
        } else {
            one_move(world, *what, *which);
            // Whatever else happens, the run goes on.
            if world.end.is_none() && world.journal.len() == rows {
                world.finish(which.index(world.open.len()), origin(*what));
            }
        }
        if world.journal.len() > rows {
            snapshots.push(world.open_keys());
        }
    }
    snapshots
}

fn one_move(world: &mut World, what: u8, which: prop::sample::Index) {
    match what {
        0..=20 if !world.journal.is_empty() => {
            let row = which.get(&world.journal).clone();
            assert_eq!(world.deliver(&row), Ok(Turn::Waiting(vec![])), "a row that was told before");
        }
        21..=35 => {
            let call = which.get(&world.open).clone();
            let mut row = world.row(&call, origin(what), Ok(vec![]));
            match &mut row.place {
                Place::Own { number, .. } | Place::Outside { number } => *number += 1,
            }
            assert!(matches!(world.deliver(&row), Err(DeliveryError::OutOfOrder { .. })), "a row is missing");
        }
        // Bounded, or a run of such moves would never end.
        36..=50 if world.journal.len() < 300 => {
            world.retry(which.index(world.open.len()), origin(what));
        }
        91..=120 if batch_of(world).is_some() => {
            if let Some(batch) = batch_of(world) {
                world.hand_over(&batch);
            }
        }
        51..=90 if !world.withdrawn.is_empty() => {
            world.finish_withdrawn(which.index(world.withdrawn.len()));
        }
        _ => world.finish(which.index(world.open.len()), origin(what)),
    }
}

/// An open batch.
fn batch_of(world: &World) -> Option<StepKey> {
    world.open.iter().find(|call| call.kind() == Kind::Batch).map(|call| call.key().clone())
}

/// A new attempt after so many rows: asks for exactly what was open, and comes to the same end.
fn crash_after(body: &Arc<Body>, lived: &World, snapshots: &Snapshots, rows: usize) {
    let mut again = World::resume_with(body, &lived.journal[..rows], lived.store.clone());
    if rows < lived.journal.len() || lived.end.is_none() {
        let open: BTreeSet<_> = again.open_keys().into_iter().collect();
        let was: BTreeSet<_> = snapshots[rows].iter().cloned().collect();
        assert_eq!(open, was, "after {rows} rows");
        assert_eq!(again.open_keys(), snapshots[rows], "in the order of asking");
    }
    for row in &lived.journal[rows..] {
        again.tell(row.clone());
        if again.end.is_none() {
            assert_eq!(again.deliver(row), Ok(Turn::Waiting(vec![])), "told twice");
        }
    }
    assert_eq!(again.end, lived.end, "after {rows} rows");
    assert_eq!(again.machine.told(), lived.machine.told());
}

fn ended(world: &World) -> &[u8] {
    match &world.end {
        Some(Turn::Ended(Ok(payload))) => payload,
        other => panic!("it should have ended: {other:?}"),
    }
}

/// Every key the run asked for, from its journal and from what is open.
fn keys(world: &World) -> BTreeSet<String> {
    world.keys.iter().map(ToString::to_string).collect()
}

/// Another build of the same workflow.
#[derive(Debug, Clone, Copy)]
enum Change {
    AddBefore,
    Remove,
    Function,
    Input,
}

/// A chain of steps with one of them changed.
fn changed(steps: &[u8], at: usize, change: Change) -> Tree {
    let mut steps: Vec<_> = steps.iter().copied().map(Tree::Step).collect();
    let Tree::Step(step) = steps[at] else { panic!("only steps are in it") };
    match change {
        Change::AddBefore => steps.insert(at, Tree::Wide(vec![step])),
        Change::Remove => drop(steps.remove(at)),
        Change::Function => steps[at] = Tree::Step(step.wrapping_add(1)),
        Change::Input => steps[at] = Tree::Step(step.wrapping_add(4)),
    }
    Tree::Chain(steps)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_crash_point_comes_to_the_same_end(tree in trees(Races::Allowed), moves in moves()) {
        let body = Arc::new(planted(tree));
        let (lived, snapshots) = live(&body, &moves, None);
        ended(&lived);
        for rows in 0..=lived.journal.len() {
            crash_after(&body, &lived, &snapshots, rows);
        }
    }

    #[test]
    fn a_cancel_anywhere_replays(tree in trees(Races::Allowed), moves in moves(), at in 0usize..12) {
        let body = Arc::new(planted(tree));
        let (lived, snapshots) = live(&body, &moves, Some(at));
        ended(&lived);
        for rows in 0..=lived.journal.len() {
            crash_after(&body, &lived, &snapshots, rows);
        }
    }

    #[test]
    fn any_order_of_completion_comes_to_the_same_value_and_keys(
        tree in trees(Races::None),
        one in moves(),
        other in moves(),
        crash: prop::sample::Index,
    ) {
        let body = Arc::new(planted(tree));
        let (first, _) = live(&body, &one, None);
        let (second, _) = live(&body, &other, None);
        prop_assert_eq!(value_alone(ended(&first)), value_alone(ended(&second)));
        prop_assert_eq!(keys(&first), keys(&second));
        // A crash, and what is open then finishes in another order than before.
        let rows = crash.index(first.journal.len() + 1);
        let mut third = World::resume_with(&body, &first.journal[..rows], first.store.clone());
        go_on(&mut third, &other, None);
        prop_assert_eq!(value_alone(ended(&first)), value_alone(ended(&third)));
    }

    #[test]
    fn rows_find_their_order_and_pages_their_size(
        tree in trees(Races::Allowed),
        moves in moves(),
        shuffle in any::<u64>(),
        page in 1usize..9,
    ) {
        let body = Arc::new(planted(tree));
        let (lived, _) = live(&body, &moves, None);
        let mut rows: Vec<Entry> = lived.journal.clone();
        rows.sort_by_key(|row| {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            (shuffle, &row.key).hash(&mut hasher);
            hasher.finish()
        });
        let rows = in_order(rows);
        // Rows from outside behind the last own row are told in their order, wherever they stood.
        let mut again = machine(&body);
        for mut page in rows.chunks(page) {
            while let Some(stopped) = again.feed(page).expect("the journal has no gaps") {
                page = &page[stopped.taken..];
                again.supply(stopped.fetch.id, lived.store.page(&stopped.fetch));
            }
        }
        let Replayed::All(end) = again.replay(&[]).expect("nothing is missing") else { panic!("nothing is read") };
        prop_assert_eq!(Some(end), lived.end);
        prop_assert_eq!(again.told(), lived.machine.told());
    }

    #[test]
    fn whatever_is_part_of_a_fan_out_is_executed_away(tree in trees(Races::Allowed), moves in moves()) {
        let body = Arc::new(planted(tree));
        let (lived, _) = live(&body, &moves, None);
        for (key, road) in &lived.roads {
            let fanned = ["parallel#", "unordered#", "race#"].iter().any(|verb| key.as_str().contains(verb));
            prop_assert_eq!(*road, if fanned { Road::Away } else { Road::Here }, "{}", key);
        }
    }

    #[test]
    fn polls_are_linear_in_rows(tree in trees(Races::Allowed), moves in moves()) {
        let size = tree.size();
        let body = Arc::new(planted(tree));
        let (lived, _) = live(&body, &moves, None);
        // One a row and the first. `FuturesUnordered` gives way now and then, also where nothing is awaited.
        let bound = 2 * (lived.journal.len() + size) as u64 + lived.asides + 2;
        prop_assert!(lived.machine.polls() <= bound, "{} polls, {bound} at most", lived.machine.polls());
    }

    #[test]
    fn a_changed_workflow_parks_where_it_was_changed(
        steps in prop::collection::vec(any::<u8>(), 1..8),
        at: prop::sample::Index,
        change in prop_oneof![
            Just(Change::AddBefore), Just(Change::Remove), Just(Change::Function), Just(Change::Input),
        ],
    ) {
        let at = at.index(steps.len());
        let before = Arc::new(planted(Tree::Chain(steps.iter().copied().map(Tree::Step).collect())));
        let mut lived = World::resume(&before, &[]);
        lived.run();
        let after = Arc::new(planted(changed(&steps, at, change)));
        let again = World::resume(&after, &lived.journal);
        let parked = matches!(&again.end, Some(Turn::Parked(crate::parked::Parked::Mismatch { .. })));
        prop_assert!(parked, "{:?}", again.end);
        // What stands before the change replays.
        let prefix = World::resume(&after, &lived.journal[..at]);
        prop_assert!(!matches!(prefix.end, Some(Turn::Parked(_))), "{:?}", prefix.end);
    }
}
