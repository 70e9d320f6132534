#![deny(unused_must_use)]

use piton::prelude::*;

#[function]
async fn add(left: u64, right: u64) -> Result<u64> {
    Ok(left + right)
}

#[workflow]
async fn sum(ctx: &WorkflowContext) -> Result<()> {
    add(1, 2);
    ctx.step(add(1, 2));
    Ok(())
}

fn main() {}
