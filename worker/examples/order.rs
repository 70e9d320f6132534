//! The order pipeline: validate, charge, confirm. Each is a durable step: after a crash the run goes on behind the last
//! that finished, and the charge carries the same idempotency key on every try.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example order`, then
//! `piton run start order --input '{"order_id": "A-17"}' --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    order_id: String,
    total: f64,
    valid: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Charge {
    order_id: String,
    charge_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Placed {
    status: String,
    order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<String>,
}

/// What is ordered.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wanted {
    order_id: String,
}

/// Checks stock and address.
#[function]
async fn validate_order(order_id: String) -> Result<Order> {
    Ok(Order { valid: !order_id.is_empty(), order_id, total: 89.99 })
}

/// Charges the customer. The provider knows a repeated charge by its key.
#[function(retries = 4, try_timeout = "10s")]
async fn charge_customer(ctx: &FunctionContext, order: Order) -> Result<Charge> {
    println!("charging {:.2} for {} under the key {}", order.total, order.order_id, ctx.idempotency_key());
    Ok(Charge { charge_id: format!("ch_{}", order.order_id), order_id: order.order_id })
}

/// Sends a confirmation.
#[function]
async fn send_confirmation(order_id: String, charge_id: String) -> Result<String> {
    Ok(format!("confirmation sent for {order_id} ({charge_id})"))
}

/// From order to confirmation.
#[workflow]
async fn order(ctx: &WorkflowContext, wanted: Wanted) -> Result<Placed> {
    let order = ctx.step(validate_order(wanted.order_id)).await?;
    if !order.valid {
        return Ok(Placed { status: "invalid".into(), order_id: order.order_id, charge_id: None });
    }
    let charge = ctx.step(charge_customer(order.clone())).await?;
    ctx.step(send_confirmation(order.order_id.clone(), charge.charge_id.clone())).await?;
    Ok(Placed { status: "complete".into(), order_id: order.order_id, charge_id: Some(charge.charge_id) })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(validate_order).register(charge_customer).register(send_confirmation).register(order)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{TestEngine, Trial};

    use super::*;

    fn wanted(order_id: &str) -> Wanted {
        Wanted { order_id: order_id.to_owned() }
    }

    #[test]
    fn an_order_is_charged_and_confirmed() {
        let placed = TestEngine::of(worker()).run_blocking(order(wanted("A-17"))).output();
        assert_eq!((placed.status.as_str(), placed.charge_id.as_deref()), ("complete", Some("ch_A-17")));
    }

    #[test]
    fn an_invalid_order_is_not_charged() {
        let run = TestEngine::of(worker()).run_blocking(order(wanted("")));
        assert_eq!(run.story.step_keys(), ["validate_order#1"]);
        assert_eq!(run.output().status, "invalid");
    }

    #[tokio::test]
    async fn every_try_of_the_charge_has_the_same_key() {
        let trial = Trial::of(|| TestEngine::of(worker()), || order(wanted("A-17")));
        trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await;
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
