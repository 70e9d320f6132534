//! Sleeps, and what is the same in every replay.

use piton::{Timestamp, Uuid};

use crate::{
    flows::LONG,
    stack::{Stack, Start},
};

pub(crate) async fn a_short_sleep_stays_in_memory_and_a_long_one_leaves_it(stack: &dyn Stack) {
    let told = stack.run(Start::of("sleeper", ())).await;
    assert_eq!(told.result::<u64>(), 8);
    assert_eq!(told.keys, ["double#1", "sleep#1", "double#2", "long#1", "double#3"]);
    for step in ["double#1", "double#2", "double#3"] {
        assert_eq!(stack.tally().of(step).len(), 1, "what is journaled is not executed again");
    }
}

pub(crate) async fn what_is_drawn_is_the_same_in_every_replay(stack: &dyn Stack) {
    let told = stack.run(Start::of("draws", ())).await;
    let drawn = told.result::<Vec<(u64, Uuid, Timestamp)>>();
    let [first, kept, second] = drawn.as_slice() else { panic!("{drawn:?}") };
    assert_eq!(first, kept, "what a replay draws is what the step was called with");
    assert!(first.0 != second.0 && first.1 != second.1, "the next is another");
    assert!(second.2.since(first.2) >= LONG);
    let other = stack.run(Start::of("draws", ())).await.result::<Vec<(u64, Uuid, Timestamp)>>();
    assert!(drawn[0].0 != other[0].0 && drawn[0].1 != other[0].1, "another run draws others");
}

pub(crate) async fn time_goes_forward(stack: &dyn Stack) {
    let seen = stack.run(Start::of("clocks", ())).await.result::<Vec<Timestamp>>();
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen[0] < seen[3]);
}
