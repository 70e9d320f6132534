//! Sign-up: an event that any program publishes starts a run.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example signup`, then
//! `piton event publish user.signed_up --data '{"id": "u-1", "email": "ada@example.com"}'`.

use piton::{JsonSchema, prelude::*};
use serde::{Deserialize, Serialize};

/// Who signed up. Its schema is derived, so that an input that lacks a field is refused with the field's name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
struct User {
    /// As the shop knows them.
    id: String,
    email: String,
    /// `free` when nothing is said.
    #[serde(default)]
    plan: Plan,
}

/// What they pay for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(rename_all = "snake_case")]
enum Plan {
    #[default]
    Free,
    Team,
}

/// Says hello.
#[function(retries = 4, try_timeout = "30s")]
async fn send_welcome(ctx: &FunctionContext, email: String) -> Result<()> {
    println!("welcome, {email}, under the key {}", ctx.idempotency_key());
    Ok(())
}

/// Asks somebody to call.
#[function(retries = 4)]
async fn assign_to_sales(user: User) -> Result<String> {
    Ok(format!("{} is called by sales", user.id))
}

/// The whole of the event's data is the user, since there is one input and it takes an object. An order above a limit makes
/// somebody a customer too; there the user is a part of the data.
#[workflow(triggers(
    event("user.signed_up"),
    event("order.*", filter = "event.data.total > 100", input = "event.data.customer"),
))]
async fn signup(ctx: &WorkflowContext, user: User) -> Result<Option<String>> {
    ctx.step(send_welcome(user.email.clone())).await?;
    match user.plan {
        Plan::Free => Ok(None),
        Plan::Team => Ok(Some(ctx.step(assign_to_sales(user)).await?)),
    }
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(send_welcome).register(assign_to_sales).register(signup)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{Event, Novelty, TestEngine, Trial};
    use serde_json::json;

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    fn user(plan: Plan) -> User {
        User { id: "u-1".into(), email: "ada@example.com".into(), plan }
    }

    #[test]
    fn only_teams_are_called() {
        for (plan, steps) in
            [(Plan::Free, &["send_welcome#1"][..]), (Plan::Team, &["send_welcome#1", "assign_to_sales#1"])]
        {
            let run = engine().run(signup(user(plan))).blocking();
            assert_eq!(run.story.step_keys(), steps);
        }
    }

    #[tokio::test]
    async fn whoever_signs_up_is_welcomed_once() {
        let engine = engine();
        let event = Event::new("user.signed_up", json!({"id": "u-1", "email": "ada@example.com"})).id("signup-17");
        let published = engine.publish(event.clone()).await.expect("it is accepted");
        assert_eq!(published.run(signup).story.step_keys(), ["send_welcome#1"], "who says no plan has the free one");
        assert_eq!(engine.publish(event).await.expect("it is accepted").novelty(), Novelty::Repeated);
    }

    #[tokio::test]
    async fn only_large_orders_make_customers() {
        let engine = engine();
        let order = |total: u32| json!({"total": total, "customer": user(Plan::Team)});
        let large = engine.publish(Event::new("order.paid", order(250))).await.expect("it is accepted");
        assert_eq!(large.run(signup).output().as_deref(), Some("u-1 is called by sales"));
        let small = engine.publish(Event::new("order.paid", order(20))).await.expect("it is accepted");
        assert!(small.started().is_empty());
    }

    #[tokio::test]
    async fn an_event_without_an_address_is_refused() {
        let published = engine().publish(Event::new("user.signed_up", json!({"id": "u-1"}))).await;
        let published = published.expect("it is accepted");
        assert!(published.refused()[0].reason.contains("`email`"), "{published}");
    }

    #[tokio::test]
    async fn whatever_happens_it_ends_the_same() {
        let trial = Trial::of(engine, || signup(user(Plan::Team)));
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
