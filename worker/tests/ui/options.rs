use piton::prelude::*;

#[function(retires = 5)]
async fn unknown() -> Result<()> {
    Ok(())
}

#[function(retries = 5, retries = 6)]
async fn twice() -> Result<()> {
    Ok(())
}

#[function(retries = 5, max_tries = 6)]
async fn both() -> Result<()> {
    Ok(())
}

#[function(max_tries = 0)]
async fn never() -> Result<()> {
    Ok(())
}

#[function(timeout = "30 seconds")]
async fn duration() -> Result<()> {
    Ok(())
}

#[function(timeout = 30)]
async fn number() -> Result<()> {
    Ok(())
}

#[workflow(retries = 3)]
async fn of_a_function(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow(cron = "* * * * *")]
async fn not_yet(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

fn main() {}
