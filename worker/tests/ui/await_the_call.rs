use piton::prelude::*;

#[function]
async fn add(left: u64, right: u64) -> Result<u64> {
    Ok(left + right)
}

#[workflow]
async fn sum(_ctx: &WorkflowContext) -> Result<u64> {
    Ok(add(1, 2).await?)
}

fn main() {}
