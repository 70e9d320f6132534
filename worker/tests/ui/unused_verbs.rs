#![deny(unused_must_use)]

use std::time::Duration;

use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[workflow]
async fn w(ctx: &WorkflowContext) -> Result<()> {
    ctx.parallel((double(1), double(2)));
    ctx.race((double(1), double(2)));
    ctx.batch((0..3).map(double));
    ctx.map((0..3).map(double));
    ctx.branch("left", async |_: WorkflowContext| Ok(1));
    ctx.deadline(Duration::ZERO, double(1));
    ctx.sleep(Duration::ZERO);
    ctx.state().set("a", 1);
    gather!(ctx, one: double(1));
    ctx.session().set_if("a", 1, 0).await?;
    Ok(())
}

fn main() {}
