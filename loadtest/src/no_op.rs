//! Steps that do nothing: what a run of them costs is what the engine costs.

use piton::prelude::*;

#[function]
pub(crate) async fn no_op(number: u32) -> Result<u32> {
    Ok(number)
}

/// Each step is journaled before the next begins.
#[workflow]
pub(crate) async fn five_steps(ctx: &WorkflowContext) -> Result<u32> {
    let mut last = 0;
    for number in 1..=5 {
        last = ctx.step(no_op(number)).await?;
    }
    Ok(last)
}

#[workflow]
pub(crate) async fn one_step(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(no_op(1)).await?)
}

/// As wide as it is asked for, with a bound, and every result is read.
#[workflow]
pub(crate) async fn fan_out(ctx: &WorkflowContext, items: u32, at_once: u32) -> Result<u64> {
    let result = ctx.batch((0..items).map(no_op)).max_concurrency(at_once).await?;
    let mut outputs = result.outputs();
    let mut sum = 0;
    while let Some(item) = outputs.next().await {
        sum += u64::from(item.outcome?);
    }
    Ok(sum)
}
