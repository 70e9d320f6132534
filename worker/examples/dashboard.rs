//! Dashboard: several sources asked at once and collected by name.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example dashboard`, then
//! `piton run start dashboard --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Dashboard {
    revenue: u64,
    users: u64,
    errors: f64,
}

/// What came in today, in cents.
#[function(retries = 3, try_timeout = "10s")]
async fn fetch_revenue() -> Result<u64> {
    Ok(129_900)
}

/// Who was here today.
#[function(retries = 3, try_timeout = "10s")]
async fn fetch_active_users() -> Result<u64> {
    Ok(412)
}

/// How much of it went wrong.
#[function(retries = 3, try_timeout = "10s")]
async fn fetch_error_rate() -> Result<f64> {
    Ok(0.02)
}

/// Each value under its name, of its own type.
#[workflow]
async fn dashboard(ctx: &WorkflowContext) -> Result<Dashboard> {
    let data = gather!(
        ctx,
        revenue: fetch_revenue(),
        users: fetch_active_users(),
        errors: fetch_error_rate(),
    )
    .await?;
    Ok(Dashboard { revenue: data.revenue, users: data.users, errors: data.errors })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder()
        .register(fetch_revenue)
        .register(fetch_active_users)
        .register(fetch_error_rate)
        .register(dashboard)
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

    #[test]
    fn sources_are_asked_at_once_and_each_has_its_name() {
        let engine = TestEngine::of(worker());
        engine.on(fetch_revenue).takes(Duration::from_secs(9)).returns(7);
        engine.on(fetch_error_rate).takes(Duration::from_secs(4)).returns(0.5);
        let run = engine.run_blocking(dashboard());
        assert_eq!(run.story.duration(), Duration::from_secs(9));
        assert!(run.story.step_keys().contains(&"gather#1/revenue/fetch_revenue#1"), "{}", run.story);
        assert_eq!(run.output(), Dashboard { revenue: 7, users: 412, errors: 0.5 });
    }

    #[tokio::test]
    async fn a_source_that_fails_fails_the_dashboard() {
        let trial = Trial::of(|| TestEngine::of(worker()), dashboard);
        assert_eq!(trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await, 3);
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
