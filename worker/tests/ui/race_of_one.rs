use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[workflow]
async fn one(ctx: &WorkflowContext) -> Result<()> {
    ctx.race((double(1),)).await?;
    Ok(())
}

#[workflow]
async fn no_tuple(ctx: &WorkflowContext) -> Result<()> {
    ctx.race(double(1)).await?;
    Ok(())
}

fn main() {}
