use piton::prelude::*;

struct Opaque;

#[workflow]
async fn written(ctx: &WorkflowContext) -> Result<()> {
    ctx.state().set("opaque", Opaque).await?;
    Ok(())
}

#[workflow]
async fn read(ctx: &WorkflowContext) -> Result<()> {
    let _: Option<Opaque> = ctx.state().get("opaque").await?;
    Ok(())
}

#[workflow]
async fn borrowed(ctx: &WorkflowContext) -> Result<()> {
    let _: Option<&str> = ctx.state().get("opaque").await?;
    Ok(())
}

#[workflow]
async fn updated(ctx: &WorkflowContext) -> Result<()> {
    ctx.session().update("opaque", |_: Option<Opaque>| Opaque).await?;
    Ok(())
}

fn main() {}
