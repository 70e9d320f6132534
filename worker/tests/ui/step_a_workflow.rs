use piton::prelude::*;

#[workflow]
async fn inner(_ctx: &WorkflowContext) -> Result<u64> {
    Ok(1)
}

#[workflow]
async fn outer(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.step(inner()).await?)
}

fn main() {}
