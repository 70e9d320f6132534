//! What runs beside each other.

use crate::stack::{Stack, Start};

pub(crate) async fn branches_come_in_the_order_they_were_asked_for(stack: &dyn Stack) {
    let told = stack.run(Start::of("side", ())).await;
    assert_eq!(told.result::<(u64, u64, Vec<u64>)>(), (2, 4, vec![6, 8, 10]));
    let mut keys = told.keys;
    keys.sort();
    let expected = [
        "parallel#1/0/double#1",
        "parallel#1/1/double#1",
        "parallel#2/0/double#1",
        "parallel#2/1/double#1",
        "parallel#2/2/double#1",
    ];
    assert_eq!(keys, expected);
    assert_eq!(stack.tally().of(expected[0]).len(), 1);
}

pub(crate) async fn the_first_failure_of_branches_withdraws_the_rest(stack: &dyn Stack) {
    let told = stack.run(Start::of("failing", ())).await;
    assert_eq!(told.result::<String>(), "1 is odd; 2; 3 is odd");
}

pub(crate) async fn gathered_values_have_their_names_in_keys(stack: &dyn Stack) {
    let told = stack.run(Start::of("gathered", ())).await;
    assert_eq!(told.result::<u64>(), 608);
    let mut keys = told.keys;
    keys.sort();
    assert_eq!(keys, ["gather#1/revenue/double#1", "gather#1/users/double#1"]);
}

pub(crate) async fn a_block_has_a_scope_of_its_own(stack: &dyn Stack) {
    let told = stack.run(Start::of("blocks", ())).await;
    assert_eq!(told.result::<u64>(), 408);
    assert_eq!(told.keys.iter().filter(|key| key.ends_with("double#2")).count(), 2, "{:?}", told.keys);
}

pub(crate) async fn the_first_of_a_race_is_pinned_and_the_rest_withdrawn(stack: &dyn Stack) {
    let told = stack.run(Start::of("racing", ())).await;
    assert_eq!(told.result::<u64>(), 6);
    assert!(!told.keys.iter().any(|key| key.starts_with("race#1/1")), "{:?}", told.keys);
}

pub(crate) async fn a_deadline_passes_or_does_not(stack: &dyn Stack) {
    assert_eq!(stack.run(Start::of("bounded", ())).await.result::<(u64, String)>(), (2, "elapsed".into()));
}

pub(crate) async fn given_away_steps_are_tried_again(stack: &dyn Stack) {
    let told = stack.run(Start::of("stubborn_branches", ())).await;
    assert_eq!(told.result::<(u32, u32)>(), (3, 2));
    let tries = stack.tally().of("parallel#1/0/flaky#1");
    assert_eq!(tries.iter().map(|called| called.try_number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(tries.iter().all(|called| called.key == format!("{}/parallel#1/0/flaky#1", told.run)));
}
