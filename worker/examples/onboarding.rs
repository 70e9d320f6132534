//! Onboarding: create the account, then greet its owner.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example onboarding`, then
//! `piton run start onboarding --input '"ada@example.org"' --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    id: String,
    email: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Onboarded {
    status: String,
    account_id: String,
}

/// Creates the account; a repeated call under the same key finds the one it made.
#[function]
async fn create_account(ctx: &FunctionContext, user_email: String) -> Result<Account> {
    if !user_email.contains('@') {
        return Err(Failure::permanent(format!("`{user_email}` is no address")));
    }
    Ok(Account { id: format!("acc_{}", ctx.run_id()), email: user_email })
}

/// Greets the owner.
#[function(retries = 4, try_timeout = "30s")]
async fn send_welcome_email(ctx: &FunctionContext, account_id: String) -> Result<()> {
    println!("welcome, {account_id} (under the key {})", ctx.idempotency_key());
    Ok(())
}

/// From an address to an account whose owner was greeted.
#[workflow]
async fn onboarding(ctx: &WorkflowContext, user_email: String) -> Result<Onboarded> {
    let account = ctx.step(create_account(user_email)).await?;
    ctx.step(send_welcome_email(account.id.clone())).await?;
    Ok(Onboarded { status: "done".into(), account_id: account.id })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(create_account).register(send_welcome_email).register(onboarding)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use piton::testing::{TestEngine, Trial};

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    #[test]
    fn a_mail_server_that_is_away_is_waited_for() {
        let engine = engine();
        engine.on(send_welcome_email).fails_times(2, "the mail server is away").returns(());
        let run = engine.run_blocking(onboarding("ada@example.org".into()));
        assert_eq!(run.story.step_keys(), ["create_account#1", "send_welcome_email#1"]);
        assert_eq!(run.story.tries_of("create_account#1").count(), 1);
        assert_eq!(run.story.delays_of("send_welcome_email#1"), [Duration::from_millis(500), Duration::from_secs(1)]);
        assert_eq!(run.output().status, "done");
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
