//! State: read, written, and computed as often as somebody else was faster; and races.

use std::sync::Arc;

use futures::future::select_all;

use super::{
    super::{Access, Call, Prompt, Request, Road, Scope, Turn, Uncomputed},
    world::{Body, Origin, World, parked, step, value, workflow},
};
use crate::{
    codec,
    journal::StepKey,
    limits,
    message::state::{StateScope, StateValue},
    parked::Parked,
};

fn encoded(value: u64) -> Vec<u8> {
    codec::encode(&value).expect("a number encodes")
}

fn counting() -> Body {
    workflow(|scope: Scope| async move {
        let add = |current: Option<&[u8]>| {
            let current = current.map_or(Ok(0), codec::decode::<u64>).map_err(Uncomputed::Unreadable)?;
            codec::encode(&(current + 1)).map_err(Uncomputed::Unwritable)
        };
        let written = scope.update(StateScope::Session, "visits", Box::new(add), codec::unversioned).await?;
        Ok((codec::decode::<u64>(&written.value.unwrap_or_default())?, written.version))
    })
}

fn prompted(world: &mut World, value: Option<Vec<u8>>, version: i64) -> Turn {
    world.machine.prompt(&StepKey::new("state.update#1"), Prompt::Value(StateValue { value, version }))
}

#[test]
fn an_update_computes_anew_after_a_conflict() {
    let body = Arc::new(counting());
    let mut world = World::resume(&body, &[]);
    for (value, version) in [(None, 0), (Some(encoded(40)), 6)] {
        let Turn::Waiting(requests) = prompted(&mut world, value.clone(), version) else { panic!("it waits") };
        let [Request::Write(write)] = &requests[..] else { panic!("{requests:?}") };
        let before = value.map_or(0, |value| codec::decode::<u64>(&value).expect("a number"));
        assert_eq!((write.value.clone(), write.expected), (Some(encoded(before + 1)), version));
    }
    let row = world.row(&world.open[0].clone(), Origin::Own, Ok(codec::versioned(Some(&encoded(41)), 7)));
    world.tell(row);
    assert_eq!(world.end.clone().map(value::<(u64, i64)>), Some((41, 7)));
    // Nothing is computed in a replay.
    assert_eq!(World::resume(&body, &world.journal).end, world.end);
}

#[test]
fn what_an_update_cannot_read_parks() {
    let mut world = World::begin(counting());
    let turn = prompted(&mut world, Some(codec::encode("text").expect("text encodes")), 3);
    assert!(
        matches!(&turn, Turn::Parked(Parked::Undecodable { key, .. }) if key.as_str() == "state.update#1"),
        "{turn:?}"
    );
}

#[test]
fn the_name_of_a_value_is_bounded_and_compared() {
    let get = |of: String| {
        workflow(move |scope: Scope| {
            let of = of.clone();
            async move { Ok(scope.state(StateScope::Run, of, Access::Get, codec::unversioned).await?.version) }
        })
    };
    for name in [String::new(), "x".repeat(limits::STATE_NAME_BYTES + 1)] {
        let Parked::Limit { message } = parked(World::begin(get(name))) else { panic!("it is refused") };
        assert!(message.contains("1 to 256 bytes"), "{message}");
    }
    let Parked::Limit { message } = parked(World::begin(get("a\0b".to_owned()))) else { panic!("it is refused") };
    assert_eq!(
        message,
        "`state.get` in `/` names a value of state `a\\0b`: a name may not hold NUL, which Postgres cannot keep"
    );
    let mut world = World::begin(get("a".to_owned()));
    world.run();
    let Parked::Mismatch { recorded, asked, .. } =
        parked(World::resume(&Arc::new(get("b".to_owned())), &world.journal))
    else {
        panic!("they differ")
    };
    assert_eq!(recorded, r#"state get with scope and name = ["run","a"]"#);
    assert_eq!(asked, r#"state get with scope and name = ["run","b"]"#);
}

/// A race of two that calls the second one the winner where it is told to.
fn race(swap: bool) -> Body {
    workflow(move |scope: Scope| async move {
        let race = scope.race("race", Road::Away);
        let branches = ["0", "1"].map(|branch| step(&race.scope().branch(branch), "f", 1));
        let (value, winner, losers) = select_all(branches).await;
        drop(losers);
        let winner = if swap { 1 - winner } else { winner };
        let pinned = race.pin(winner as u32).await?;
        Ok((value?, pinned))
    })
}

#[test]
fn a_winner_is_pinned_once_the_losers_are_gone() {
    let body = Arc::new(race(false));
    let mut world = World::resume(&body, &[]);
    assert_eq!(world.open_keys(), ["race#1/0/f#1", "race#1/1/f#1"]);
    world.finish_key("race#1/1/f#1");
    assert_eq!(world.open_keys(), ["race#1"]);
    assert_eq!(world.withdrawn.len(), 1);
    assert!(matches!(&world.open[0], Call::Race(race) if race.winner == 1 && race.name == "race"));
    assert_eq!(value::<(u64, u32)>(world.run()), (2, 1));
    assert_eq!(World::resume(&body, &world.journal).end, world.end);
}

#[test]
fn another_winner_than_the_recorded_one_parks() {
    let mut world = World::begin(race(false));
    world.finish_key("race#1/1/f#1");
    world.run();
    let reason = parked(World::resume(&Arc::new(race(true)), &world.journal));
    let (recorded, asked) = ("race race with winner = 1".to_owned(), "race race with winner = 0".to_owned());
    assert_eq!(reason, Parked::Mismatch { key: StepKey::new("race#1"), recorded, asked });
}
