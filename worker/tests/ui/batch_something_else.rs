//! Values in place of calls, a function without its inputs, an iterator that stays on its thread.
use std::{cell::Cell, rc::Rc};

use piton::prelude::*;

#[function]
async fn double(number: u64) -> Result<u64> {
    Ok(number * 2)
}

#[workflow]
async fn values(ctx: &WorkflowContext) -> Result<()> {
    ctx.batch(vec![1, 2, 3]).await?;
    Ok(())
}

#[workflow]
async fn functions(ctx: &WorkflowContext) -> Result<()> {
    ctx.batch(vec![double]).await?;
    Ok(())
}

#[workflow]
async fn stays(ctx: &WorkflowContext) -> Result<()> {
    let counter = Rc::new(Cell::new(0));
    ctx.batch((0..3).map(move |number| double(number + counter.get()))).await?;
    Ok(())
}

fn main() {}
