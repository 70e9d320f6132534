//! What a shop does when the world tells it something: a payment went through, an order was placed, a minute is over.

use piton::prelude::*;

use crate::orders::Provider;

/// The workflow that Stripe's `payment_intent.succeeded` starts.
pub const PAYMENT_WORKFLOW: &str = "payment_workflow";
/// The second workflow that an `order.placed` starts, beside the order pipeline.
pub const AWARD_POINTS: &str = "award_points";
/// The workflow that the clock starts.
pub const CLOSE_TILL: &str = "close_till";
/// The event of a placed order.
pub const ORDER_PLACED: &str = "order.placed";

/// Writes a payment into the books, once for each idempotency key.
#[function]
pub(crate) async fn book_payment(
    provider: Resource<Provider>,
    ctx: &FunctionContext,
    payment: String,
    amount: u64,
    currency: String,
) -> Result<String> {
    let key = ctx.idempotency_key();
    provider.ledger.call(&key, ctx.try_number(), &payment)?;
    tokio::time::sleep(provider.takes).await;
    provider.ledger.charge(&key, &payment)?;
    Ok(format!("booked {amount} {currency} of {payment}"))
}

/// Takes note of a payment. Its inputs are members of the payment that Stripe sends, found by their names.
#[workflow(triggers(webhook("stripe", event = "payment_intent.succeeded")))]
pub(crate) async fn payment_workflow(
    ctx: &WorkflowContext,
    id: String,
    amount: u64,
    currency: String,
) -> Result<String> {
    Ok(ctx.step(book_payment(id, amount, currency)).await?)
}

/// Gives points to a customer, once for each idempotency key.
#[function]
pub(crate) async fn give_points(
    provider: Resource<Provider>,
    ctx: &FunctionContext,
    order_id: String,
) -> Result<String> {
    let key = ctx.idempotency_key();
    let what = format!("points-{order_id}");
    provider.ledger.call(&key, ctx.try_number(), &what)?;
    Ok(provider.ledger.charge(&key, &what)?)
}

/// Points for an order.
#[workflow(triggers(event("order.placed")))]
pub(crate) async fn award_points(ctx: &WorkflowContext, order_id: String) -> Result<String> {
    Ok(ctx.step(give_points(order_id)).await?)
}

/// What is done whenever the clock says so.
#[function]
pub(crate) async fn count_till(ctx: &FunctionContext) -> Result<String> {
    Ok(format!("counted under {}", ctx.idempotency_key()))
}

/// Closes the till of a shop.
#[workflow]
pub(crate) async fn close_till(ctx: &WorkflowContext) -> Result<String> {
    Ok(ctx.step(count_till()).await?)
}
