use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[workflow]
async fn nothing(ctx: &WorkflowContext) -> Result<()> {
    gather!().await?;
    Ok(())
}

#[workflow]
async fn nobody(ctx: &WorkflowContext) -> Result<()> {
    gather!(ctx).await?;
    Ok(())
}

#[workflow]
async fn no_names(ctx: &WorkflowContext) -> Result<()> {
    gather!(ctx, double(1), double(2)).await?;
    Ok(())
}

#[workflow]
async fn twice(ctx: &WorkflowContext) -> Result<()> {
    gather!(ctx, one: double(1), two: double(2), one: double(3)).await?;
    Ok(())
}

#[workflow]
async fn equals(ctx: &WorkflowContext) -> Result<()> {
    gather!(ctx, one = double(1)).await?;
    Ok(())
}

#[workflow]
async fn odd(ctx: &WorkflowContext) -> Result<()> {
    gather!(ctx, größe: double(1)).await?;
    Ok(())
}

#[workflow]
async fn no_such_field(ctx: &WorkflowContext) -> Result<u64> {
    let data = gather!(ctx, one: double(1)).await?;
    Ok(data.two)
}

fn main() {}
