//! Onboarding: create the account, greet its owner, and a day later ask how it goes.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example onboarding`, then
//! `piton run start onboarding --input '"ada@example.org"' --wait`.

use std::time::Duration;

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    id: String,
    email: String,
}

/// Creates the account; a repeated call under the same key finds the one it made.
#[function]
async fn create_account(ctx: &FunctionContext, email: String) -> Result<Account> {
    if !email.contains('@') {
        return Err(Failure::permanent(format!("`{email}` is no address")));
    }
    Ok(Account { id: ctx.run_id().to_string(), email })
}

/// Sends a mail.
#[function(retries = 4, try_timeout = "30s")]
async fn send_mail(ctx: &FunctionContext, to: String, subject: String) -> Result<()> {
    println!("to {to}: {subject} (under the key {})", ctx.idempotency_key());
    Ok(())
}

/// From an address to an account whose owner was asked how it goes.
#[workflow]
async fn onboarding(ctx: &WorkflowContext, email: String) -> Result<Account> {
    let account = ctx.step(create_account(email)).await?;
    ctx.step(send_mail(account.email.clone(), "Welcome!".into()).named("welcome")).await?;
    ctx.sleep(Duration::from_hours(24)).named("wait_a_day").await?;
    ctx.step(send_mail(account.email.clone(), "How is it going?".into()).named("follow_up")).await?;
    Ok(account)
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(create_account).register(send_mail).register(onboarding)
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

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    #[test]
    fn the_follow_up_comes_a_day_later() {
        let engine = engine();
        engine.on(send_mail).fails_times(1, "the mail server is away").returns(());
        let run = engine.run_blocking(onboarding("ada@example.org".into()));
        assert_eq!(run.story.step_keys(), ["create_account#1", "welcome#1", "follow_up#1"]);
        assert_eq!(run.story.delays_of("welcome#1"), [Duration::from_millis(500)]);
        assert_eq!(run.story.duration(), Duration::from_secs(24 * 3600 + 1));
        assert_eq!(run.output().email, "ada@example.org");
    }

    #[test]
    fn a_wrong_address_is_not_tried_again() {
        let run = engine().run_blocking(onboarding("nobody".into()));
        assert_eq!(run.story.tries().len(), 1);
        assert_eq!(run.error().to_string(), "the workflow failed: `nobody` is no address");
    }

    #[tokio::test]
    async fn whatever_happens_it_ends_the_same() {
        let trial = Trial::of(engine, || onboarding("ada@example.org".into()));
        trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await;
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
