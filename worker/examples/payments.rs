//! Payments: a webhook of Stripe starts a run, with what it says of the payment as inputs.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example payments`. Make an address for Stripe with
//! `piton webhook create`, or start a run by hand: `piton run start payment_workflow --input '{"amount": 1999, "currency": "eur"}'`.

use piton::prelude::*;

/// Writes the payment into the books. The key makes a repeated try the same entry.
#[function(retries = 5, try_timeout = "10s")]
async fn record_payment(ctx: &FunctionContext, amount: i64, currency: String) -> Result<String> {
    Ok(format!("{amount} {currency} under {}", ctx.idempotency_key()))
}

/// Tells whoever has to know.
#[function(retries = 5, try_timeout = "10s")]
async fn send_receipt(entry: String) -> Result<()> {
    println!("receipt for {entry}");
    Ok(())
}

/// `amount` and `currency` are found by their names in what Stripe's event is about. A delivery that has neither starts
/// nothing, and says so on its record; one that Stripe sends again starts nothing anew.
#[workflow(triggers(webhook("stripe", event = "payment_intent.succeeded")))]
async fn payment_workflow(ctx: &WorkflowContext, amount: i64, currency: String) -> Result<String> {
    if amount <= 0 {
        return Err(Failure::permanent(format!("nothing was paid: {amount} {currency}")));
    }
    let entry = ctx.step(record_payment(amount, currency)).await?;
    ctx.step(send_receipt(entry.clone())).await?;
    Ok(entry)
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(record_payment).register(send_receipt).register(payment_workflow)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{Novelty, RunError, TestEngine, Trial};
    use serde_json::{Value, json};

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    #[test]
    fn a_payment_is_recorded_once_though_the_books_are_away_at_first() {
        let engine = engine();
        engine.on(record_payment).fails_times(2, "the books are away").executes();
        let run = engine.run(payment_workflow(1999, "eur".into())).blocking();
        assert_eq!(run.story.tries_of("record_payment#1").count(), 3);
        assert!(run.output().starts_with("1999 eur under "));
    }

    /// As Stripe sends it.
    fn succeeded(payment: &Value) -> Value {
        json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": payment}})
    }

    #[tokio::test]
    async fn a_delivery_of_stripe_starts_one_run_however_often_it_comes() {
        let engine = engine();
        let delivery = succeeded(&json!({"id": "pi_1", "amount": 1999, "currency": "eur"}));
        let first = engine.webhook("stripe", &delivery).await.expect("it brings an event");
        assert!(first.run(payment_workflow).output().starts_with("1999 eur under "));
        let again = engine.webhook("stripe", &delivery).await.expect("it brings an event");
        assert_eq!(again.novelty(), Novelty::Repeated);
    }

    #[tokio::test]
    async fn other_deliveries_start_nothing() {
        let engine = engine();
        let failed = engine.webhook("stripe", json!({"id": "evt_2", "type": "payment_intent.payment_failed"})).await;
        assert!(failed.expect("it brings an event").started().is_empty());
        let free = engine.webhook("stripe", succeeded(&json!({"currency": "eur"}))).await.expect("it brings an event");
        assert!(free.refused()[0].reason.starts_with("the event's data has no `amount`"), "{free}");
    }

    #[test]
    fn nothing_is_recorded_of_nothing() {
        let run = engine().run(payment_workflow(0, "eur".into())).blocking();
        assert!(run.story.step_keys().is_empty());
        assert!(matches!(run.error(), RunError::Failed(_)));
    }

    #[tokio::test]
    async fn whatever_happens_it_ends_the_same() {
        let trial = Trial::of(engine, || payment_workflow(1999, "eur".into()));
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
