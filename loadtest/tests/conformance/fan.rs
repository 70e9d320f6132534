//! Workflows that do several things at once, or remember.

use std::time::Duration;

use piton::{
    BatchStatus, DeadlineError, Failure, FunctionContext, Race2, Resource, Result, RetryPolicy, WorkflowContext,
    Written, function, gather, workflow,
};

use crate::{
    flows::{LONG, double, flaky},
    tally::Tally,
};

/// Longer than any test takes, but for a clock that jumps.
const NEVER: Duration = Duration::from_hours(24);

#[function]
pub(crate) async fn even(tally: Resource<Tally>, ctx: &FunctionContext, number: u64) -> Result<u64> {
    tally.note(ctx);
    if number.is_multiple_of(2) { Ok(number) } else { Err(Failure::permanent(format_args!("{number} is odd"))) }
}

#[workflow]
pub(crate) async fn side(ctx: &WorkflowContext) -> Result<(u64, u64, Vec<u64>)> {
    let (one, two) = ctx.parallel((double(1), double(2))).await?;
    let many = ctx.parallel((3..6).map(double)).await?;
    Ok((one, two, many))
}

#[workflow]
pub(crate) async fn failing(ctx: &WorkflowContext) -> Result<String> {
    let failed = ctx.parallel((even(1), ctx.sleep(NEVER))).await;
    let (good, bad) = ctx.parallel((even(2), even(3))).settled().await;
    let told = |error: piton::StepError| error.to_string();
    Ok(format!("{}; {}; {}", failed.map_or_else(told, |_| "no".into()), good?, bad.map_or_else(told, |_| "no".into())))
}

#[workflow]
pub(crate) async fn gathered(ctx: &WorkflowContext) -> Result<u64> {
    let data = gather!(ctx, revenue: double(3), users: double(4)).await?;
    Ok(data.revenue * 100 + data.users)
}

#[workflow]
pub(crate) async fn blocks(ctx: &WorkflowContext) -> Result<u64> {
    let leg = |name: &'static str, start: u64| {
        ctx.branch(name, async move |ctx: WorkflowContext| {
            let first = ctx.step(double(start)).await?;
            Ok(ctx.step(double(first)).await?)
        })
    };
    let (left, right) = ctx.parallel((leg("left", 1), leg("right", 2))).await?;
    Ok(left * 100 + right)
}

#[workflow]
pub(crate) async fn racing(ctx: &WorkflowContext) -> Result<u64> {
    let first = match ctx.race((double(3), ctx.sleep(NEVER))).await? {
        Race2::First(doubled) => doubled,
        Race2::Second(()) => 0,
    };
    ctx.sleep(LONG).await?;
    Ok(first)
}

#[workflow]
pub(crate) async fn bounded(ctx: &WorkflowContext) -> Result<(u64, String)> {
    let in_time = ctx.deadline(NEVER, double(1)).await.map_err(|error| Failure::new(error.to_string()))?;
    let late = match ctx.deadline(Duration::from_millis(40), ctx.sleep(NEVER)).await {
        Err(DeadlineError::Elapsed { .. }) => "elapsed",
        Err(DeadlineError::Failed(_)) | Ok(()) => "no",
    };
    Ok((in_time, late.into()))
}

#[workflow]
pub(crate) async fn stubborn_branches(ctx: &WorkflowContext) -> Result<(u32, u32)> {
    let policy = RetryPolicy::constant(Duration::from_millis(10)).max_tries(4);
    let call = |way: &str, failures| flaky(way.into(), failures).retry(policy.clone());
    Ok(ctx.parallel((call("fail", 2), call("panic", 1))).await?)
}

#[workflow]
pub(crate) async fn bulk(ctx: &WorkflowContext, numbers: Vec<u64>, stop: bool) -> Result<(BatchStatus, [u32; 3], u64)> {
    let batch = ctx.batch(numbers.into_iter().map(even)).max_concurrency(2);
    let result = if stop { batch.stop_on_failure() } else { batch }.await?;
    let (mut sum, mut outputs) = (0, result.outputs());
    while let Some(item) = outputs.next().await {
        sum += item.outcome.unwrap_or(0);
    }
    let stats = &result.stats;
    Ok((result.status, [stats.completed, stats.failed, stats.cancelled], sum))
}

#[workflow]
pub(crate) async fn mapped(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<Vec<u64>> {
    Ok(ctx.map(numbers.into_iter().map(double)).await?)
}

#[workflow]
pub(crate) async fn remembers(ctx: &WorkflowContext) -> Result<(Option<u64>, Option<u64>, u64)> {
    let before = ctx.state().get("number").await?;
    ctx.state().set("number", 7_u64).await?;
    ctx.sleep(LONG).await?;
    let after = ctx.state().get("number").await?;
    let doubled = ctx.step(double(after.unwrap_or(0))).await?;
    Ok((before, after, doubled))
}

#[workflow]
pub(crate) async fn visits(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.session().update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?)
}

#[workflow]
pub(crate) async fn conditional(ctx: &WorkflowContext) -> Result<(bool, bool)> {
    let state = ctx.state();
    let first = matches!(state.set_if("number", 1_u64, 0).await?, Written::Done { .. });
    let second = matches!(state.set_if("number", 2_u64, 0).await?, Written::Done { .. });
    Ok((first, second))
}
