//! Report: three sources asked at once, collected in order, compiled into one.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example report`, then
//! `piton run start report --input '"2026-Q1"' --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    sales: u64,
    inventory: Vec<String>,
    customers: u64,
}

/// What was sold, in cents.
#[function(retries = 3, try_timeout = "1m")]
async fn fetch_sales(report_id: String) -> Result<u64> {
    Ok(report_id.len() as u64 * 8999)
}

/// What is in stock.
#[function(retries = 3, try_timeout = "1m")]
async fn fetch_inventory(report_id: String) -> Result<Vec<String>> {
    Ok(vec![format!("ropes of {report_id}"), format!("pitons of {report_id}")])
}

/// How many bought.
#[function(retries = 3, try_timeout = "1m")]
async fn fetch_customers(report_id: String) -> Result<u64> {
    Ok(report_id.len() as u64)
}

/// Puts the parts together.
#[function]
async fn compile_report(sales: u64, inventory: Vec<String>, customers: u64) -> Result<Report> {
    Ok(Report { sales, inventory, customers })
}

/// All three at once, by whichever workers have room.
#[workflow]
async fn report(ctx: &WorkflowContext, report_id: String) -> Result<Report> {
    let (sales, inventory, customers) = ctx
        .parallel((fetch_sales(report_id.clone()), fetch_inventory(report_id.clone()), fetch_customers(report_id)))
        .await?;
    Ok(ctx.step(compile_report(sales, inventory, customers)).await?)
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder()
        .register(fetch_sales)
        .register(fetch_inventory)
        .register(fetch_customers)
        .register(compile_report)
        .register(report)
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
    fn sources_are_asked_at_once_and_stay_in_order() {
        let engine = TestEngine::of(worker());
        engine.on(fetch_sales).takes(Duration::from_secs(40)).returns(7);
        engine.on(fetch_customers).takes(Duration::from_secs(10)).returns(3);
        let run = engine.run_blocking(report("2026-Q1".into()));
        assert_eq!(run.story.duration(), Duration::from_secs(40));
        let report = run.output();
        assert_eq!((report.sales, report.inventory.len(), report.customers), (7, 2, 3));
    }

    #[tokio::test]
    async fn a_source_that_fails_fails_the_report() {
        let trial = Trial::of(|| TestEngine::of(worker()), || report("2026-Q1".into()));
        assert_eq!(trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await, 4);
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
