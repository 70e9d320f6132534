//! The workflows and functions that cases run, the same on every stack.

use std::{sync::Arc, time::Duration};

use piton::{
    Failure, FunctionContext, Resource, Result, RetryPolicy, StepError, Timestamp, Uuid, Worker, WorkerBuilder,
    WorkflowContext, function, workflow,
};

use crate::tally::Tally;

/// Longer than a run that waits stays in its worker's memory.
pub(crate) const LONG: Duration = Duration::from_millis(900);
/// Shorter than that.
const SHORT: Duration = Duration::from_millis(30);

#[function]
pub(crate) async fn double(tally: Resource<Tally>, ctx: &FunctionContext, number: u64) -> Result<u64> {
    tally.note(ctx);
    Ok(number * 2)
}

#[workflow]
async fn doubled(ctx: &WorkflowContext, times: u32) -> Result<u64> {
    let mut number = 1;
    for _ in 0..times {
        number = ctx.step(double(number)).await?;
    }
    Ok(number)
}

#[workflow]
async fn side_by_side(ctx: &WorkflowContext, calls: u64) -> Result<u64> {
    let calls = (0..calls).map(|number| ctx.step(double(number)));
    let results = futures::future::join_all(calls).await;
    results.into_iter().try_fold(0, |sum, result| Ok(sum + result?))
}

/// Fails in its first tries, in the way it is told.
#[function]
pub(crate) async fn flaky(tally: Resource<Tally>, ctx: &FunctionContext, way: String, failures: u32) -> Result<u32> {
    tally.note(ctx);
    match (way.as_str(), ctx.try_number()) {
        (_, number) if number > failures => Ok(number),
        ("panic", _) => panic!("a try panics"),
        ("permanent", _) => Err(Failure::permanent("nothing will mend this")),
        ("hang", _) => std::future::pending().await,
        (_, number) => Err(Failure::new(format_args!("try {number} failed")).context("while it was tried")),
    }
}

fn patient() -> RetryPolicy {
    RetryPolicy::constant(Duration::from_millis(10)).max_tries(4)
}

#[workflow]
async fn stubborn(ctx: &WorkflowContext, way: String, failures: u32) -> Result<u32> {
    Ok(ctx.step(flaky(way, failures).retry(patient())).await?)
}

#[workflow]
async fn bounded_tries(ctx: &WorkflowContext, failures: u32) -> Result<u32> {
    let call = flaky("hang".into(), failures).retry(patient().max_tries(2)).try_timeout(Duration::from_millis(40));
    Ok(ctx.step(call).await?)
}

#[workflow]
async fn bounded_step(ctx: &WorkflowContext) -> Result<String> {
    let call = flaky("hang".into(), 100).retry(patient().max_tries(100)).timeout(Duration::from_millis(60));
    match ctx.step(call).await {
        Err(StepError::TimedOut(failure)) => Ok(failure.message),
        other => Err(Failure::new(format_args!("{other:?}"))),
    }
}

#[workflow]
async fn catching(ctx: &WorkflowContext) -> Result<String> {
    let caught = match ctx.step(flaky("permanent".into(), 100)).await {
        Err(StepError::Failed(failure)) => failure.message,
        other => return Err(Failure::new(format_args!("{other:?}"))),
    };
    let number = ctx.step(double(4)).await?;
    Ok(format!("{number} in spite of: {caught}"))
}

#[workflow]
async fn sleeper(ctx: &WorkflowContext) -> Result<u64> {
    let number = ctx.step(double(1)).await?;
    ctx.sleep(SHORT).await?;
    let number = ctx.step(double(number)).await?;
    ctx.sleep_named("long", LONG).await?;
    Ok(ctx.step(double(number)).await?)
}

#[function]
async fn keep(what: (u64, Uuid, Timestamp)) -> Result<(u64, Uuid, Timestamp)> {
    Ok(what)
}

/// What it draws before it leaves memory, kept by a step, and what it draws for the same after it came back.
#[workflow]
async fn draws(ctx: &WorkflowContext) -> Result<Vec<(u64, Uuid, Timestamp)>> {
    let drawn = (ctx.random().to_bits(), ctx.uuid(), ctx.now());
    let kept = ctx.step(keep(drawn)).await?;
    ctx.sleep(LONG).await?;
    Ok(vec![drawn, kept, (ctx.random().to_bits(), ctx.uuid(), ctx.now())])
}

#[workflow]
async fn clocks(ctx: &WorkflowContext) -> Result<Vec<Timestamp>> {
    let mut seen = vec![ctx.now()];
    for _ in 0..3 {
        ctx.sleep(SHORT).await?;
        seen.push(ctx.now());
    }
    Ok(seen)
}

/// Goes on until somebody stops it; at its second try, or with another worker, it ends.
#[function]
pub(crate) async fn hang(tally: Resource<Tally>, ctx: &FunctionContext) -> Result<()> {
    tally.note(ctx);
    if tally.of(ctx.step_key().as_str()).len() > 1 {
        return Ok(());
    }
    std::future::pending().await
}

#[function]
async fn undo(tally: Resource<Tally>, ctx: &FunctionContext) -> Result<()> {
    tally.note(ctx);
    Ok(())
}

#[workflow]
async fn hanging(ctx: &WorkflowContext) -> Result<u64> {
    let number = ctx.step(double(1)).await?;
    match ctx.step(hang()).await {
        Err(StepError::Cancelled) => {
            ctx.step(undo()).await?;
            Err(StepError::Cancelled.into())
        }
        Err(other) => Err(other.into()),
        Ok(()) => Ok(ctx.step(double(number)).await?),
    }
}

/// Asks for another call each time it is polled from its start: no replay can follow it.
#[workflow]
async fn fickle(ctx: &WorkflowContext) -> Result<u64> {
    let number = if ctx.is_replaying() { 2 } else { 1 };
    ctx.step(double(number)).await?;
    ctx.sleep(LONG).await?;
    Ok(0)
}

#[workflow]
async fn panicking(ctx: &WorkflowContext) -> Result<u64> {
    let number = ctx.step(double(1)).await?;
    assert_ne!(number, 2, "two is the wrong number");
    Ok(number)
}

#[function]
async fn unknown() -> Result<()> {
    Ok(())
}

#[workflow]
async fn asks_for_unknown(ctx: &WorkflowContext) -> Result<()> {
    Ok(ctx.step(unknown()).await?)
}

#[workflow]
async fn foreign(ctx: &WorkflowContext) -> Result<()> {
    ctx.step(double(1)).await?;
    std::future::pending().await
}

/// All of them but `unknown`.
pub(crate) fn worker(tally: Arc<Tally>) -> WorkerBuilder {
    Worker::builder()
        .shared_resource(tally)
        .register(double)
        .register(doubled)
        .register(side_by_side)
        .register(flaky)
        .register(stubborn)
        .register(bounded_tries)
        .register(bounded_step)
        .register(catching)
        .register(sleeper)
        .register(keep)
        .register(draws)
        .register(clocks)
        .register(hang)
        .register(undo)
        .register(hanging)
        .register(fickle)
        .register(panicking)
        .register(asks_for_unknown)
        .register(foreign)
        .register(crate::fan::side)
        .register(crate::fan::failing)
        .register(crate::fan::gathered)
        .register(crate::fan::blocks)
        .register(crate::fan::racing)
        .register(crate::fan::bounded)
        .register(crate::fan::stubborn_branches)
        .register(crate::fan::bulk)
        .register(crate::fan::mapped)
        .register(crate::fan::remembers)
        .register(crate::fan::visits)
        .register(crate::fan::conditional)
        .register(crate::fan::even)
        .register(crate::heard::hears)
        .register(crate::heard::hears_either)
        .register(crate::heard::hears_all)
}
