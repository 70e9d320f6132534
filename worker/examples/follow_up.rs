//! Follow-up: confirm, wait a day without holding a process, ask again.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example follow_up`, then
//! `piton run start follow_up --input '"u-1"'` and `piton run watch ID`.

use std::time::Duration;

use piton::prelude::*;

/// Confirms a sign-up. The provider knows a repeated mail by its key.
#[function(retries = 4, try_timeout = "30s")]
async fn send_confirmation(ctx: &FunctionContext, user_id: String) -> Result<()> {
    println!("confirmed to {user_id} under the key {}", ctx.idempotency_key());
    Ok(())
}

/// Asks how it goes.
#[function(retries = 4, try_timeout = "30s")]
async fn send_follow_up(ctx: &FunctionContext, user_id: String) -> Result<()> {
    println!("asked {user_id} under the key {}", ctx.idempotency_key());
    Ok(())
}

/// The timer is a row in the database: a deploy, a crash or a day without any worker costs it nothing.
#[workflow]
async fn follow_up(ctx: &WorkflowContext, user_id: String) -> Result<String> {
    ctx.step(send_confirmation(user_id.clone())).await?;
    ctx.sleep(Duration::from_hours(24)).named("wait_24h").await?;
    ctx.step(send_follow_up(user_id)).await?;
    Ok("Follow-up sent.".into())
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(send_confirmation).register(send_follow_up).register(follow_up)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{RunError, TestEngine, Trial, When};

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    #[test]
    fn a_worker_that_dies_meanwhile_does_not_begin_the_day_anew() {
        let noon = Duration::from_hours(12);
        let run = engine().run(follow_up("u-1".into())).crash(When::After(noon)).blocking();
        assert_eq!(run.story.timers()[0].name, "wait_24h");
        assert_eq!(run.story.duration(), Duration::from_hours(24));
        assert_eq!(run.story.tries().len(), 2);
        assert_eq!(run.output(), "Follow-up sent.");
    }

    #[test]
    fn who_cancels_during_the_day_is_not_asked() {
        let noon = Duration::from_hours(12);
        let run = engine().run(follow_up("u-1".into())).cancel(When::After(noon)).blocking();
        assert_eq!(run.story.step_keys(), ["send_confirmation#1"]);
        assert!(matches!(run.error(), RunError::Cancelled(_)));
    }

    #[tokio::test]
    async fn whatever_happens_it_ends_the_same() {
        let trial = Trial::of(engine, || follow_up("u-1".into()));
        trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await;
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
