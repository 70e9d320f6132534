//! Not a call at all: a value, the function without its arguments, a future.
use piton::prelude::*;

#[function]
async fn add(left: u64, right: u64) -> Result<u64> {
    Ok(left + right)
}

async fn plain() -> Result<u64> {
    Ok(1)
}

#[workflow]
async fn w(ctx: &WorkflowContext) -> Result<u64> {
    ctx.step(add).await?;
    Ok(ctx.step(plain()).await?)
}

fn main() {}
