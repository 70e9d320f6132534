//! Cancels, kills, crashes, and starts made twice.

use piton::{Cause, testing::RunState};

use crate::stack::{Fault, Stack, Start};

pub(crate) async fn a_cancel_is_told_and_made_good(stack: &dyn Stack) {
    let told = stack.run(Start::of("hanging", ()).during("hang#1", Fault::Cancel)).await;
    assert_eq!(told.state, RunState::Cancelled);
    assert_eq!(told.failure.map(|failure| failure.cause), Some(Cause::Cancelled));
    assert_eq!(told.keys, ["double#1", "cancel#1", "undo#1"]);
    assert_eq!(stack.tally().of("undo#1").len(), 1);
}

pub(crate) async fn a_kill_ends_the_run_there(stack: &dyn Stack) {
    let told = stack.run(Start::of("hanging", ()).during("hang#1", Fault::Kill)).await;
    assert_eq!(told.state, RunState::Killed);
    assert_eq!(told.keys, ["double#1"]);
    assert_eq!(stack.tally().of("undo#1").len(), 0);
}

pub(crate) async fn a_crash_repeats_the_step_under_the_same_key(stack: &dyn Stack) {
    let told = stack.run(Start::of("hanging", ()).during("hang#1", Fault::Crash)).await;
    assert_eq!(told.result::<u64>(), 4);
    let calls = stack.tally().of("hang#1");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].key, calls[1].key);
    assert_eq!(calls[0].key, format!("{}/hang#1", told.run));
}

pub(crate) async fn a_crash_repeats_nothing_that_was_journaled(stack: &dyn Stack) {
    let told = stack.run(Start::of("hanging", ()).during("hang#1", Fault::Crash)).await;
    assert_eq!(told.keys, ["double#1", "hang#1", "double#2"]);
    assert_eq!(stack.tally().of("double#1").len(), 1);
    assert_eq!(stack.tally().of("double#2").len(), 1);
}

pub(crate) async fn an_idempotency_key_starts_one_run(stack: &dyn Stack) {
    let first = stack.run(Start::of("doubled", 2).key("once")).await;
    let again = stack.run(Start::of("doubled", 2).key("once")).await;
    assert_eq!((first.run, first.result), (again.run, again.result));
    assert_eq!(stack.tally().of("double#1").len(), 1);
}
