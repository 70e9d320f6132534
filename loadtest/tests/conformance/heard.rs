//! Workflows that events start.

use piton::{Result, WorkflowContext, workflow};
use serde_json::{Value, json};

use crate::flows::double;

#[workflow(triggers(event("shop.*", filter = "event.data.number > 3")))]
pub(crate) async fn hears(ctx: &WorkflowContext, number: u64, more: Option<u64>) -> Result<u64> {
    Ok(ctx.step(double(number)).await? + more.unwrap_or(0))
}

#[workflow(triggers(
    event("shop.sold", filter = "event.data.kind == 'large'", input = "event.data.number * 10"),
    event("shop.**", filter = "event.data.number > 5"),
))]
pub(crate) async fn hears_either(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    Ok(ctx.step(double(number)).await?)
}

#[workflow(triggers(event("*.sold", input = envelope)))]
pub(crate) async fn hears_all(ctx: &WorkflowContext, event: Value) -> Result<Value> {
    let _ = ctx;
    let member = |name: &str| event.get(name).cloned();
    Ok(json!(["id", "name", "data", "source", "origin"].map(member)))
}
