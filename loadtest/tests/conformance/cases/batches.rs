//! Batches and maps.

use piton::BatchStatus;
use serde_json::json;

use crate::stack::{Stack, Start};

type Outcome = (BatchStatus, [u32; 3], u64);

pub(crate) async fn every_item_has_an_outcome(stack: &dyn Stack) {
    let told = stack.run(Start::of("bulk", json!({"numbers": [2, 4, 5, 6], "stop": false}))).await;
    assert_eq!(told.result::<Outcome>(), (BatchStatus::PartialFailure, [3, 1, 0], 12));
    assert_eq!(told.keys, ["even#1"], "items are no rows");
    let call = &stack.tally().of("even#1/3")[0];
    assert_eq!(call.key, format!("{}/even#1/3", told.run));
    let told = stack.run(Start::of("bulk", json!({"numbers": [1, 3], "stop": false}))).await;
    assert_eq!(told.result::<Outcome>(), (BatchStatus::Failed, [0, 2, 0], 0));
}

pub(crate) async fn a_batch_stops_at_the_first_failure_if_told(stack: &dyn Stack) {
    let numbers: Vec<u64> = std::iter::once(1).chain((1..50).map(|number| number * 2)).collect();
    let told = stack.run(Start::of("bulk", json!({"numbers": numbers, "stop": true}))).await;
    let (status, [completed, failed, cancelled], _) = told.result::<Outcome>();
    assert_eq!((status, failed, completed + failed + cancelled), (BatchStatus::Failed, 1, 50));
    assert!(cancelled > 0);
}

pub(crate) async fn outputs_of_a_map_come_in_order(stack: &dyn Stack) {
    let numbers: Vec<u64> = (0..30).collect();
    let told = stack.run(Start::of("mapped", &numbers)).await;
    assert_eq!(told.result::<Vec<u64>>(), numbers.iter().map(|number| number * 2).collect::<Vec<_>>());
}

pub(crate) async fn an_empty_batch_is_over_at_once(stack: &dyn Stack) {
    let told = stack.run(Start::of("bulk", json!({"numbers": [], "stop": false}))).await;
    assert_eq!(told.result::<Outcome>(), (BatchStatus::Completed, [0, 0, 0], 0));
}
