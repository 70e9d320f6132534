//! A shop: what most tests run.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) charge: String,
}

/// Stands for what must not happen twice.
#[derive(Default)]
pub(crate) struct Stripe {
    pub(crate) charges: AtomicU32,
}

#[function(retries = 5, timeout = "30s", name = "billing.charge_card", queue = "payments")]
pub(crate) async fn charge_card(stripe: Resource<Stripe>, ctx: &FunctionContext, order: Order) -> Result<Receipt> {
    let count = stripe.charges.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Receipt { charge: format!("{count}:{}:{}", order.cents, ctx.idempotency_key()) })
}

#[function]
pub(crate) async fn refund(receipt: Receipt) -> Result<String> {
    Ok(format!("refunded {}", receipt.charge))
}

#[function]
pub(crate) async fn ship(order: Order, express: bool) -> Result<String> {
    if order.id == 13 {
        return Err(std::io::Error::other("the lorry broke down").into());
    }
    Ok(format!("order {} {}", order.id, if express { "flies" } else { "rolls" }))
}

#[workflow]
pub(crate) async fn fulfil(ctx: &WorkflowContext, order: Order) -> Result<String> {
    let receipt = ctx
        .step(
            charge_card(order.clone())
                .named("charge")
                .retry(RetryPolicy::default().max_tries(3))
                .try_timeout(Duration::from_secs(10)),
        )
        .await?;
    ctx.sleep_named("cool-off", Duration::from_hours(24)).await?;
    match ctx.step(ship(order, true)).await {
        Ok(parcel) => Ok(format!("{parcel}, paid by {}", receipt.charge)),
        Err(error) => {
            ctx.step(refund(receipt)).await?;
            Err(error.into())
        }
    }
}

pub(crate) fn shop() -> Worker {
    Worker::builder()
        .resource(Stripe::default())
        .register(charge_card)
        .register(refund)
        .register(ship)
        .register(fulfil)
        .build()
        .expect("all is given")
}

pub(crate) fn order(id: u64) -> Order {
    Order { id, cents: 250 }
}
