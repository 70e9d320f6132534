//! Reports: several sources asked at once and compiled, as a list and by name.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example report`, then
//! `piton run start report --input '"2026-Q1"' --wait` or `piton run start dashboard --wait`.

use piton::prelude::*;

/// Asks one source.
#[function(retries = 3, try_timeout = "1m")]
async fn fetch(source: String, of: String) -> Result<u64> {
    Ok((source.len() * of.len()) as u64)
}

/// Puts the parts together.
#[function]
async fn compile(parts: Vec<u64>) -> Result<String> {
    Ok(format!("{} in all, of {} parts", parts.iter().sum::<u64>(), parts.len()))
}

/// Three sources at once, in order.
#[workflow]
async fn report(ctx: &WorkflowContext, id: String) -> Result<String> {
    let of = |source: &str| fetch(source.into(), id.clone());
    let (sales, inventory, customers) = ctx.parallel((of("sales"), of("inventory"), of("customers"))).await?;
    Ok(ctx.step(compile(vec![sales, inventory, customers])).await?)
}

/// The same by name.
#[workflow]
async fn dashboard(ctx: &WorkflowContext) -> Result<String> {
    let of = |source: &str| fetch(source.into(), "today".into());
    let data = gather!(ctx, revenue: of("revenue"), users: of("users"), errors: of("errors")).await?;
    Ok(format!("{} of {} users, {} errors", data.revenue, data.users, data.errors))
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(fetch).register(compile).register(report).register(dashboard)
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
    fn sources_are_asked_at_once() {
        let engine = TestEngine::of(worker());
        engine.on(fetch).takes(Duration::from_secs(40)).returns(7);
        let run = engine.run_blocking(report("2026-Q1".into()));
        assert_eq!(run.story.duration(), Duration::from_secs(40));
        assert_eq!(run.output(), "21 in all, of 3 parts");
        assert_eq!(engine.run_blocking(dashboard()).output(), "7 of 7 users, 7 errors");
    }

    #[tokio::test]
    async fn a_source_that_fails_fails_the_report() {
        let trial = Trial::of(|| TestEngine::of(worker()), || report("2026-Q1".into()));
        assert_eq!(trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await, 4);
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
