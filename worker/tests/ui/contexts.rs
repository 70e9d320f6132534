use piton::prelude::*;

#[workflow]
async fn twice(first: &WorkflowContext, second: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow]
async fn missing(number: u64) -> Result<u64> {
    Ok(number)
}

#[workflow]
async fn by_value(ctx: WorkflowContext) -> Result<()> {
    Ok(())
}

#[function]
async fn function_by_value(ctx: FunctionContext) -> Result<()> {
    Ok(())
}

#[function]
async fn mutable(ctx: &mut FunctionContext) -> Result<()> {
    Ok(())
}

#[function]
async fn of_a_workflow(ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow]
async fn of_a_function(ctx: &FunctionContext) -> Result<()> {
    Ok(())
}

fn main() {}
