//! Steps, and what becomes of those that fail.

use piton::Cause;

use crate::stack::{Stack, Start};

pub(crate) async fn results_go_from_step_to_step(stack: &dyn Stack) {
    let told = stack.run(Start::of("doubled", 4)).await;
    assert_eq!(told.result::<u64>(), 16);
    assert_eq!(told.keys, ["double#1", "double#2", "double#3", "double#4"]);
    assert_eq!(stack.tally().of("double#3").len(), 1);
}

pub(crate) async fn calls_run_side_by_side(stack: &dyn Stack) {
    let told = stack.run(Start::of("side_by_side", 50)).await;
    assert_eq!(told.result::<u64>(), 50 * 49);
    assert_eq!(told.keys.len(), 50);
}

pub(crate) async fn a_failed_try_is_tried_again_until_it_succeeds(stack: &dyn Stack) {
    let told = stack.run(Start::of("stubborn", serde_json::json!({"way": "fail", "failures": 2}))).await;
    assert_eq!(told.result::<u32>(), 3);
    assert_eq!(numbers(stack, "flaky#1"), [1, 2, 3]);
    assert_eq!(told.keys, ["flaky#1"], "failed tries are no rows");
}

pub(crate) async fn a_permanent_failure_is_not_tried_again(stack: &dyn Stack) {
    let told = stack.run(Start::of("stubborn", serde_json::json!({"way": "permanent", "failures": 2}))).await;
    assert_eq!(told.failure().message, "nothing will mend this");
    assert_eq!(numbers(stack, "flaky#1"), [1]);
}

pub(crate) async fn tries_are_used_up(stack: &dyn Stack) {
    let told = stack.run(Start::of("stubborn", serde_json::json!({"way": "fail", "failures": 9}))).await;
    assert_eq!(told.failure().to_string(), "while it was tried: try 4 failed");
    assert_eq!(numbers(stack, "flaky#1"), [1, 2, 3, 4]);
}

pub(crate) async fn a_panic_is_a_failed_try(stack: &dyn Stack) {
    let told = stack.run(Start::of("stubborn", serde_json::json!({"way": "panic", "failures": 1}))).await;
    assert_eq!(told.result::<u32>(), 2);
    let told = stack.run(Start::of("stubborn", serde_json::json!({"way": "panic", "failures": 9}))).await;
    assert_eq!((told.failure().cause, told.failure().message.as_str()), (Cause::Panic, "a try panics"));
}

pub(crate) async fn a_try_that_takes_too_long_times_out(stack: &dyn Stack) {
    assert_eq!(stack.run(Start::of("bounded_tries", 1)).await.result::<u32>(), 2);
    let told = stack.run(Start::of("bounded_tries", 9)).await;
    assert_eq!(told.failure().cause, Cause::Timeout);
    assert_eq!(told.failure().message, "the try took longer than 40ms");
}

pub(crate) async fn a_step_that_takes_too_long_times_out(stack: &dyn Stack) {
    let told = stack.run(Start::of("bounded_step", ())).await;
    assert_eq!(told.result::<String>(), "the step took longer than 60ms");
    assert_eq!(numbers(stack, "flaky#1"), [1]);
}

pub(crate) async fn the_workflow_may_catch_a_failure_and_go_on(stack: &dyn Stack) {
    let told = stack.run(Start::of("catching", ())).await;
    assert_eq!(told.result::<String>(), "8 in spite of: nothing will mend this");
    assert_eq!(told.keys, ["flaky#1", "double#1"]);
}

fn numbers(stack: &dyn Stack, step: &str) -> Vec<u32> {
    stack.tally().of(step).iter().map(|called| called.try_number).collect()
}
