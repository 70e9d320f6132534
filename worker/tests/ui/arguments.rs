//! Too few, the wrong one, too many: rustc checks a call as it checks any other.
use piton::prelude::*;

#[function]
async fn add(left: u64, right: u64) -> Result<u64> {
    Ok(left + right)
}

#[workflow]
async fn sums(ctx: &WorkflowContext) -> Result<u64> {
    ctx.step(add(1)).await?;
    ctx.step(add(1, "2")).await?;
    Ok(ctx.step(add(1, 2, 3)).await?)
}

fn main() {}
