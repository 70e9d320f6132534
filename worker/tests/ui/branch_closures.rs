//! The context by reference, what stays on its thread, what is borrowed, another error.
use std::rc::Rc;

use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[workflow]
async fn by_reference(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.branch("left", async move |ctx: &WorkflowContext| Ok(ctx.step(double(1)).await?)).await?)
}

#[workflow]
async fn not_send(ctx: &WorkflowContext) -> Result<u64> {
    let number = Rc::new(1);
    Ok(ctx.branch("left", async move |ctx: WorkflowContext| Ok(ctx.step(double(*number)).await?)).await?)
}

#[workflow]
async fn borrowed(ctx: &WorkflowContext) -> Result<u64> {
    let number = 1;
    Ok(ctx.branch("left", async |ctx: WorkflowContext| Ok(ctx.step(double(number)).await?)).await?)
}

#[workflow]
async fn no_result(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.branch("left", async move |_: WorkflowContext| 1).await?)
}

fn main() {}
