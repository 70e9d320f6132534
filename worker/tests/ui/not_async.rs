use piton::prelude::*;

#[function]
fn greet(name: String) -> Result<String> {
    Ok(name)
}

#[workflow]
fn welcome(ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

fn main() {}
