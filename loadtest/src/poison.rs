//! A workflow that takes its worker with it, and one that is there for a while.

use std::time::Duration;

use piton::prelude::*;

use crate::ledger::Ledger;

/// Writes down that it was called, and ends the process.
#[function]
pub(crate) async fn die(ledger: Resource<Ledger>, ctx: &FunctionContext) -> Result<u32> {
    ledger.call(&ctx.idempotency_key(), ctx.try_number(), "die")?;
    std::process::abort()
}

/// No worker survives it.
#[workflow]
pub(crate) async fn poison(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(die()).await?)
}

#[function]
pub(crate) async fn take_time(milliseconds: u64) -> Result<u64> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(milliseconds)
}

/// So many steps that take so long.
#[workflow]
pub(crate) async fn long(ctx: &WorkflowContext, steps: u64, milliseconds: u64) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..steps {
        sum += ctx.step(take_time(milliseconds)).await?;
    }
    Ok(sum)
}
