//! State of runs and sessions.

use piton::{StepKey, Versioned, prelude::*};
use piton_shared::{message::state::StateValue, parked::Parked};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    decoded,
    driver::{Answer, Driver, End},
    encoded,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

fn worker<Inputs>(workflow: impl piton::Register<Inputs>) -> Worker {
    Worker::builder().register(workflow).build().expect("all is given")
}

#[workflow]
async fn shopping(ctx: &WorkflowContext) -> Result<(String, u64, Option<Cart>, i64, Option<String>)> {
    let state = ctx.state();
    state.set("phase", "started").await?;
    let phase: String = state.get_or("phase", String::new()).await?;
    assert_eq!(state.get_or("missing", 7).await?, 7);
    let visits = ctx.session().update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    let cart = Cart { items: vec!["pears".into()] };
    let seen: Versioned<Cart> = state.get_versioned("cart").await?;
    assert_eq!(seen, Versioned { value: None, version: 0 });
    assert_eq!(state.set_if("cart", cart.clone(), seen.version).await?, Written::Done { version: 1 });
    let lost = state.set_if("cart", Cart { items: vec![] }, seen.version).await?;
    assert_eq!(lost, Written::Conflict { current: Versioned { value: Some(cart), version: 1 } });
    let cart = state.get("cart").await?;
    state.delete("phase").await?;
    let gone: Versioned<String> = state.get_versioned("phase").await?;
    Ok((phase, visits, cart, gone.version, gone.value))
}

#[tokio::test]
async fn state_is_read_and_written_in_the_order_of_the_journal() {
    let worker = worker(shopping);
    let mut driver = Driver::new(&worker, "shopping", &());
    let visits = StateValue { value: Some(encoded(&41)), version: 5 };
    driver.store.state.insert(("session", "visits".to_owned()), visits);
    let end = driver.drive(|_| Answer::Execute).await;
    assert_eq!(decoded(&end), json!(["started", 42, { "items": ["pears"] }, 2, null]));
    assert_eq!(driver.keys()[..4], ["state.set#1", "state.get#1", "state.get#2", "state.update#1"]);
    let names: Vec<_> = driver.journal.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names[..4], ["set", "get", "get", "update"]);
    driver.check_replays(&end);
}

#[workflow]
async fn reads(ctx: &WorkflowContext, name: String) -> Result<u64> {
    Ok(ctx.state().get_or(name, 0).await?)
}

#[tokio::test]
async fn what_cannot_be_read_or_named_parks() {
    let worker = worker(reads);
    let mut driver = Driver::new(&worker, "reads", &"text");
    let text = StateValue { value: Some(encoded(&"text")), version: 1 };
    driver.store.state.insert(("run", "text".to_owned()), text);
    let end = driver.drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Undecodable { key, .. }) = end else { panic!("{end:?}") };
    assert_eq!(key, StepKey::new("state.get#1"));
    let end = Driver::new(&worker, "reads", &"").drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Limit { message }) = end else { panic!("{end:?}") };
    assert!(message.contains("1 to 256 bytes"), "{message}");
}

#[workflow]
async fn writes(ctx: &WorkflowContext) -> Result<()> {
    ctx.state().set("ratio", f64::NAN).await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_journaled_parks() {
    let worker = worker(writes);
    let end = Driver::new(&worker, "writes", &()).drive(|_| Answer::Execute).await;
    let End::Parked(Parked::Limit { message }) = end else { panic!("{end:?}") };
    assert!(message.contains("cannot be journaled: NaN"), "{message}");
}
