//! What the workers of the fuzz run: steps that write down each of their executions, and workflows of each shape.

use std::{env, path::PathBuf, time::Duration};

use anyhow::Context as _;
use piton::{Worker, prelude::*};

use super::book::Book;

/// The folder of the ledger of executions.
pub const BOOKS: &str = "PITON_CHAOS_BOOKS";

/// Milliseconds of each step of what the schedule starts.
pub(super) const TICK: u64 = 700;

/// A step that takes its time.
#[function]
async fn chaos_step(book: Resource<Book>, ctx: &FunctionContext, stage: u32, millis: u64) -> Result<u32> {
    let running = book.begin(ctx, stage)?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    running.returned()?;
    Ok(stage)
}

/// Steps one after the other.
#[workflow]
async fn chaos_line(ctx: &WorkflowContext, stages: u32, millis: u64) -> Result<u32> {
    let mut sum = 0;
    for stage in 1..=stages {
        sum += ctx.step(chaos_step(stage, millis)).await?;
    }
    Ok(sum)
}

/// Steps beside each other, between two others.
#[workflow]
async fn chaos_fan(ctx: &WorkflowContext, branches: u32, millis: u64) -> Result<u32> {
    ctx.step(chaos_step(1, millis)).await?;
    let calls: Vec<_> = (0..branches).map(|_| chaos_step(2, millis)).collect();
    let sum: u32 = ctx.parallel(calls).await?.into_iter().sum();
    ctx.step(chaos_step(3, millis)).await?;
    Ok(sum)
}

/// A batch between two steps.
#[workflow]
async fn chaos_bulk(ctx: &WorkflowContext, items: u32, bound: u32, millis: u64) -> Result<u32> {
    ctx.step(chaos_step(1, millis)).await?;
    let result = ctx.batch((0..items).map(move |_| chaos_step(2, millis))).max_concurrency(bound).await?;
    ctx.step(chaos_step(3, millis)).await?;
    Ok(result.stats.completed)
}

/// A durable sleep between two steps.
#[workflow]
async fn chaos_doze(ctx: &WorkflowContext, millis: u64) -> Result<u32> {
    ctx.step(chaos_step(1, 5)).await?;
    ctx.sleep(Duration::from_millis(millis)).await?;
    Ok(ctx.step(chaos_step(2, 5)).await?)
}

/// Adds one to the counter of its session, between two steps.
#[workflow]
async fn chaos_count(ctx: &WorkflowContext) -> Result<u64> {
    ctx.step(chaos_step(1, 10)).await?;
    let counted = ctx.session().update("count", |count: Option<u64>| count.unwrap_or(0) + 1).await?;
    ctx.step(chaos_step(2, 10)).await?;
    Ok(counted)
}

/// What the schedule starts.
#[workflow]
async fn chaos_tick(ctx: &WorkflowContext) -> Result<u32> {
    ctx.step(chaos_step(1, TICK)).await?;
    Ok(ctx.step(chaos_step(2, TICK)).await?)
}

/// A worker process, until SIGTERM.
pub async fn run() -> anyhow::Result<()> {
    let folder = env::var_os(BOOKS).map(PathBuf::from).context("PITON_CHAOS_BOOKS names the folder of the books")?;
    let book = Book::open(&folder).with_context(|| format!("could not open {}", folder.display()))?;
    let worker = Worker::builder()
        .options_from_env()
        .resource(book)
        .register(chaos_step)
        .register(chaos_line)
        .register(chaos_fan)
        .register(chaos_bulk)
        .register(chaos_doze)
        .register(chaos_count)
        .register(chaos_tick)
        .build()?;
    worker.connect().await.context("the worker could not connect")?.run().await.context("the worker failed")
}
