//! The order pipeline: validate the order, charge the customer, send a confirmation.

use std::time::Duration;

use piton::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;

/// The pipeline's name on the wire.
pub const ORDER_WORKFLOW: &str = "order_workflow";

/// What an order comes to.
const TOTAL_CENTS: u64 = 8999;

/// The payment provider: its books, and how long it takes for a charge.
#[derive(Debug)]
pub struct Provider {
    /// Its books.
    pub ledger: Ledger,
    /// Half of it passes before the money moves, half between that and its answer.
    pub takes: Duration,
}

/// An order that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    order_id: String,
    total_cents: u64,
    valid: bool,
}

/// A payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    order_id: String,
    charge_id: String,
}

/// What comes of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Fulfilment {
    /// It cannot be served.
    Invalid {
        /// Which.
        order_id: String,
    },
    /// It is paid and confirmed.
    Complete {
        /// Which.
        order_id: String,
        /// The payment.
        charge_id: String,
    },
}

/// Looks whether the order can be served.
#[function]
pub async fn validate_order(order_id: String) -> Result<Order> {
    let valid = !order_id.is_empty();
    Ok(Order { order_id, total_cents: TOTAL_CENTS, valid })
}

/// Takes the money. The provider may be called again for the same order, after a crash that left its answer unwritten;
/// it knows the key then.
#[function]
pub async fn charge_customer(
    provider: Resource<Provider>,
    ctx: &FunctionContext,
    order_id: String,
    amount_cents: u64,
) -> Result<Charge> {
    if amount_cents == 0 {
        return Err(Failure::permanent("nothing to charge"));
    }
    let key = ctx.idempotency_key();
    provider.ledger.call(&key, ctx.try_number(), &order_id)?;
    tokio::time::sleep(provider.takes / 2).await;
    let charge_id = provider.ledger.charge(&key, &order_id)?;
    tokio::time::sleep(provider.takes / 2).await;
    Ok(Charge { order_id, charge_id })
}

/// Tells the customer.
#[function]
pub async fn send_confirmation(order_id: String, charge_id: String) -> Result<String> {
    Ok(format!("Confirmation sent for order {order_id}, paid by {charge_id}"))
}

/// From order to confirmation.
#[workflow(triggers(event("order.placed")))]
pub async fn order_workflow(ctx: &WorkflowContext, order_id: String) -> Result<Fulfilment> {
    let order = ctx.step(validate_order(order_id.clone())).await?;
    if !order.valid {
        return Ok(Fulfilment::Invalid { order_id });
    }
    let charge = ctx.step(charge_customer(order_id.clone(), order.total_cents)).await?;
    ctx.step(send_confirmation(order_id.clone(), charge.charge_id.clone())).await?;
    Ok(Fulfilment::Complete { order_id, charge_id: charge.charge_id })
}
