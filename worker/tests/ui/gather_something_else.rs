use piton::prelude::*;

async fn plain() -> Result<u64, StepError> {
    Ok(1)
}

#[workflow]
async fn w(ctx: &WorkflowContext) -> Result<u64> {
    let data = gather!(ctx, one: plain()).await?;
    Ok(data.one)
}

fn main() {}
