use piton::prelude::*;

#[function(name = "billing/charge")]
async fn slash() -> Result<()> {
    Ok(())
}

#[function(name = "charge#1")]
async fn hash() -> Result<()> {
    Ok(())
}

#[workflow(name = "charge~2")]
async fn tilde(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[function(name = "")]
async fn empty() -> Result<()> {
    Ok(())
}

#[function(queue = "gpu.large")]
async fn queue() -> Result<()> {
    Ok(())
}

#[function]
async fn größe() -> Result<()> {
    Ok(())
}

fn main() {}
