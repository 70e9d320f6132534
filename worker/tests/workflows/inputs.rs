//! How inputs and results look on the wire, and what is refused.

use piton::prelude::*;
use piton_shared::{codec, failure::Retry, parked::Parked, replay::Call};
use serde_json::{Value, json};

use crate::{
    driver::{Answer, Driver, End},
    encoded,
    shop::{order, shop},
};

#[tokio::test]
async fn inputs_are_nothing_a_bare_value_or_an_object_by_name() {
    let worker = shop();
    let mut driver = Driver::new(&worker, "fulfil", &order(13));
    driver.drive(|_| Answer::Execute).await;
    let inputs: Vec<Value> = driver
        .asked
        .iter()
        .filter_map(|call| match call {
            Call::Step(step) => Some(codec::to_json(&step.input).expect("it was encoded")),
            Call::Sleep(_) | Call::Batch(_) | Call::Race(_) | Call::State(_) => None,
        })
        .collect();
    assert_eq!(inputs[0], json!({ "id": 13, "cents": 250 }), "one input is its bare value");
    assert_eq!(inputs[1], json!({ "order": { "id": 13, "cents": 250 }, "express": true }));
}

#[function]
async fn grown(name: String, title: Option<String>, #[serde(default)] times: u8) -> Result<String> {
    Ok(format!("{} {name} x{times}", title.unwrap_or_default()))
}

#[tokio::test]
async fn inputs_may_grow_by_what_has_a_default() {
    let worker = Worker::builder().register(grown).build().expect("all is given");
    let function = worker.registry().function("grown").expect("it is registered");
    let call =
        |input: Value| function.call(FunctionContext::for_test(), worker.registry().resources(), &encoded(&input));
    assert_eq!(call(json!({ "name": "Ada" })).await, Ok(encoded(&" Ada x0")));
    assert_eq!(
        call(json!({ "times": 2, "name": "Ada", "title": "Lady", "gone": 1 })).await,
        Ok(encoded(&"Lady Ada x2"))
    );
    let failure = call(json!({ "title": "Lady" })).await.expect_err("the name is missing");
    assert_eq!(failure.retry, Retry::Permanent);
    assert!(failure.to_string().contains("the input of `grown` cannot be read"), "{failure}");
    assert!(failure.to_string().contains("`name`"), "{failure}");
}

#[tokio::test]
async fn an_input_that_todays_type_cannot_read_parks_the_run() {
    let worker = shop();
    let end = Driver::new(&worker, "fulfil", &"not an order").drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Undecodable { key, .. }) = end else { panic!("{end:?}") };
    assert_eq!(key.as_str(), "input");
}

#[function]
async fn weigh(grams: f64) -> Result<f64> {
    Ok(grams / 0.0)
}

#[workflow]
async fn weighs(ctx: &WorkflowContext, named: String) -> Result<f64> {
    let grams = if named == "NaN" { f64::NAN } else { 1.0 };
    Ok(ctx.step(weigh(grams).named(named)).await?)
}

#[tokio::test]
async fn what_cannot_be_journaled_is_refused_where_it_is_made() {
    let worker = Worker::builder().register(weigh).register(weighs).build().expect("all is given");
    let end = Driver::new(&worker, "weighs", &"NaN").drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Limit { message }) = end else { panic!("{end:?}") };
    assert!(message.contains("the input of `NaN` cannot be journaled"), "{message}");

    let end = Driver::new(&worker, "weighs", &"a/b").drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Limit { message }) = end else { panic!("{end:?}") };
    assert!(message.contains("`a/b` has '/'"), "{message}");

    let end = Driver::new(&worker, "weighs", &"result").drive(|_| Answer::Execute).await;
    let End::Ended(Err(failure)) = end else { panic!("{end:?}") };
    assert_eq!(failure.retry, Retry::Permanent);
    assert!(failure.to_string().contains("the result of `weigh` cannot be journaled"), "{failure}");
}

#[workflow]
async fn talks(_ctx: &WorkflowContext, bytes: usize) -> Result<String> {
    Ok("x".repeat(bytes))
}

#[tokio::test]
async fn a_result_over_the_bound_parks_as_the_guide_says() {
    let worker = Worker::builder().register(talks).build().expect("all is given");
    let end = Driver::new(&worker, "talks", &500_000).drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Limit { message }) = end else { panic!("{end:?}") };
    assert!(message.contains("the result of `talks` cannot be journaled"), "{message}");
}
