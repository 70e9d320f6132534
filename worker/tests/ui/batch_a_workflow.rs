use piton::prelude::*;

#[workflow]
async fn inner(_ctx: &WorkflowContext, number: u64) -> Result<u64> {
    Ok(number)
}

#[workflow]
async fn outer(ctx: &WorkflowContext) -> Result<()> {
    ctx.batch((0..3).map(inner)).await?;
    ctx.map((0..3).map(inner)).await?;
    ctx.parallel((inner(1), inner(2))).await?;
    Ok(())
}

fn main() {}
