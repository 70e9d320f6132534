//! What needs a person.

use piton::testing::Parked;

use crate::stack::{Stack, Start};

pub(crate) async fn other_code_than_the_journal_has(stack: &dyn Stack) {
    let told = stack.run(Start::of("fickle", ())).await;
    let Parked::Mismatch { key, recorded, asked } = told.parked() else { panic!("{told:?}") };
    assert_eq!(key.as_str(), "double#1");
    assert_eq!((recorded.as_str(), asked.as_str()), ("step double with input = 1", "step double with input = 2"));
}

pub(crate) async fn a_panic_of_the_workflow(stack: &dyn Stack) {
    let told = stack.run(Start::of("panicking", ())).await;
    let Parked::Panic { message } = told.parked() else { panic!("{told:?}") };
    assert!(message.contains("two is the wrong number"), "{message}");
    assert_eq!(told.keys, ["double#1"]);
}

pub(crate) async fn an_input_of_another_type(stack: &dyn Stack) {
    let told = stack.run(Start::of("doubled", "four")).await;
    let Parked::Undecodable { key, .. } = told.parked() else { panic!("{told:?}") };
    assert_eq!(key.as_str(), "input");
}

pub(crate) async fn a_function_that_nobody_has(stack: &dyn Stack) {
    let told = stack.run(Start::of("asks_for_unknown", ())).await;
    assert_eq!(told.parked(), &Parked::Unregistered { name: "unknown".to_owned() });
}

pub(crate) async fn an_await_that_is_not_durable(stack: &dyn Stack) {
    let told = stack.run(Start::of("foreign", ())).await;
    let Parked::ForeignAwait { after } = told.parked() else { panic!("{told:?}") };
    assert_eq!(after.as_ref().map(piton::StepKey::as_str), Some("double#1"));
}
