//! Futures that are not durable, one call that is no tuple, a value.
use std::time::Duration;

use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

async fn plain() -> Result<u64, StepError> {
    Ok(1)
}

#[workflow]
async fn futures(ctx: &WorkflowContext) -> Result<()> {
    ctx.parallel((double(1), plain())).await?;
    Ok(())
}

#[workflow]
async fn many_futures(ctx: &WorkflowContext) -> Result<()> {
    ctx.parallel(vec![plain(), plain()]).await?;
    Ok(())
}

#[workflow]
async fn one(ctx: &WorkflowContext) -> Result<()> {
    ctx.parallel(double(1)).await?;
    Ok(())
}

#[workflow]
async fn bounded(ctx: &WorkflowContext) -> Result<()> {
    ctx.deadline(Duration::ZERO, plain()).await?;
    Ok(())
}

fn main() {}
