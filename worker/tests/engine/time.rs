//! Time that jumps, and functions that really wait.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use piton::{prelude::*, testing::*, *};

const DAY: Duration = Duration::from_hours(24);

#[function]
async fn send(text: String) -> Result<String> {
    Ok(text)
}

#[workflow]
async fn reminders(ctx: &WorkflowContext) -> Result<Vec<Timestamp>> {
    let mut at = vec![ctx.now()];
    for days in 1..=3_u32 {
        ctx.sleep(DAY * days).await?;
        ctx.step(send(format!("day {days}"))).await?;
        at.push(ctx.now());
    }
    Ok(at)
}

#[test]
fn long_sleeps_take_no_time_and_leave_memory() {
    let began = Instant::now();
    let engine = TestEngine::new().register(send);
    let start = engine.now();
    let run = engine.run_blocking(reminders());
    assert_eq!(run.story.duration(), DAY * 6);
    assert_eq!(run.story.attempts(), 4, "each sleep lets the run leave memory");
    assert_eq!(run.story.timers().iter().map(Timer::duration).collect::<Vec<_>>(), [DAY, DAY * 2, DAY * 3]);
    insta_lines(
        &run.story.journal().to_string(),
        &[
            "+1      1d00h  sleep#1  sleep sleep(null) = null",
            "1       1d00h  send#1   step send(\"day 1\") = \"day 1\"",
            "+2      3d00h  sleep#2  sleep sleep(null) = null",
            "2       3d00h  send#2   step send(\"day 2\") = \"day 2\"",
            "+3      6d00h  sleep#3  sleep sleep(null) = null",
            "3       6d00h  send#3   step send(\"day 3\") = \"day 3\"",
        ],
    );
    assert_eq!(engine.now(), start.plus(DAY * 6));
    assert_eq!(run.output(), [0, 1, 3, 6].map(|days| start.plus(DAY * days)));
    // Not how long it takes, but that six days are not waited for.
    assert!(began.elapsed() < DAY);
    engine.advance(DAY);
    assert_eq!(engine.now(), start.plus(DAY * 7));
}

fn insta_lines(text: &str, lines: &[&str]) {
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
}

#[workflow]
async fn tried(ctx: &WorkflowContext, policy: RetryPolicy) -> Result<String> {
    Ok(ctx.step(send("hello".into()).retry(policy)).await?)
}

#[test]
fn waits_between_tries_are_exact_in_memory_and_as_timers() {
    let policy = RetryPolicy::exponential(Duration::from_secs(2), 2.0).max_tries(5);
    let engine = TestEngine::new().register(send);
    engine.on(send).fails_times(4, "down");
    let run = engine.run_blocking(tried(policy.clone()));
    assert_eq!(run.story.delays_of("send#1"), [2, 4, 8, 16].map(Duration::from_secs));
    let timers: Vec<_> = run.story.timers().iter().map(|timer| (timer.key.as_str(), timer.duration())).collect();
    assert_eq!(timers, [("send#1~4", Duration::from_secs(8)), ("send#1~5", Duration::from_secs(16))]);
    assert_eq!(run.story.attempts(), 3, "a long wait leaves memory");
    assert_eq!(run.output(), "hello");

    let spread = || {
        let engine = TestEngine::new().jitter(3);
        engine.on(send).fails_times(4, "down").returns("hello".into());
        engine.run_blocking(tried(policy.clone())).story.delays_of("send#1")
    };
    let delays = spread();
    assert_eq!(delays, spread());
    assert!(delays.iter().zip([2, 4, 8, 16]).all(|(delay, most)| *delay < Duration::from_secs(most)), "{delays:?}");
}

#[test]
fn timeouts_end_what_never_ends() {
    #[workflow]
    async fn bounded(ctx: &WorkflowContext) -> Result<String> {
        let call = send("hello".into()).try_timeout(Duration::from_secs(10)).timeout(Duration::from_secs(25));
        match ctx.step(call.retry(RetryPolicy::constant(Duration::from_secs(1)))).await {
            Err(StepError::TimedOut(failure)) => Ok(failure.message),
            other => Err(Failure::new(format_args!("{other:?}"))),
        }
    }
    let engine = TestEngine::new();
    engine.on(send).never_ends();
    let run = engine.run_blocking(bounded());
    assert_eq!(run.story.tries_of("send#1").count(), 3);
    assert_eq!(run.story.duration(), Duration::from_secs(25));
    assert_eq!(run.output(), "the step took longer than 25s");

    engine
        .on(send)
        .takes(Duration::from_secs(11))
        .fails_times(1, "never seen")
        .takes(Duration::from_secs(10))
        .returns("in time".into());
    let run = engine.run_blocking(bounded());
    let ends: Vec<_> = run.story.tries_of("send#1").map(|tried| tried.end.failure().map(|it| it.cause)).collect();
    assert_eq!(ends, [Some(Cause::Timeout), None], "what ends at the very moment ends in time");
    assert_eq!(run.story.duration(), Duration::from_secs(21));
}

#[workflow]
async fn side_by_side(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let (slow, slept, fast) = futures::join!(
        ctx.step(send("slow".into()).named("slow")),
        ctx.sleep(Duration::from_secs(2)),
        ctx.step(send("fast".into()).named("fast"))
    );
    slept?;
    Ok(vec![slow?, fast?])
}

#[test]
fn what_runs_side_by_side_ends_in_the_order_of_time() {
    let engine = TestEngine::new();
    engine.on(send).with_async(|text, _| async move { Ok::<_, Failure>(text) });
    let run = engine.run_blocking(side_by_side());
    assert_eq!(run.story.journal().to_string().lines().map(|line| line[..18].trim()).collect::<Vec<_>>().len(), 3);
    assert_eq!(run.output(), ["slow", "fast"]);

    engine.on(send).takes(Duration::from_secs(3)).with(|text, _| Ok::<_, Failure>(text));
    let run = engine.run_blocking(side_by_side());
    assert_eq!(run.story.duration(), Duration::from_secs(3), "not one after the other");
    let journal = run.story.journal().to_string();
    assert!(journal.starts_with("+1         2s  sleep#1"), "{journal}");
}

#[function]
async fn really_sleeps(millis: u64) -> Result<u64> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(millis)
}

#[workflow]
async fn races(ctx: &WorkflowContext, millis: u64) -> Result<u64> {
    let (slept, stepped) = futures::join!(ctx.sleep(DAY), ctx.step(really_sleeps(millis)));
    slept?;
    Ok(stepped?)
}

#[tokio::test]
async fn functions_that_really_wait_are_waited_for() {
    let engine = TestEngine::new().register(really_sleeps).patience(Duration::from_mins(1));
    let run = engine.run(races(10)).await;
    assert_eq!(run.story.step("really_sleeps#1").try_number, 1);
    assert!(run.story.journal().to_string().starts_with("1          0s  really_sleeps#1"), "{}", run.story);
    assert_eq!(run.output(), 10);
}

#[function(try_timeout = "1h", retries = 0)]
async fn waits_for(bell: Resource<Arc<Notify>>) -> Result<()> {
    bell.notified().await;
    Ok(())
}

#[workflow]
async fn waiting(ctx: &WorkflowContext) -> Result<()> {
    Ok(ctx.step(waits_for()).await?)
}

#[tokio::test]
async fn after_patience_time_passes_by_what_really_waits() {
    let engine =
        TestEngine::new().register(waits_for).resource(Arc::new(Notify::new())).patience(Duration::from_millis(20));
    let run = engine.run(waiting()).await;
    assert_eq!(run.story.duration(), Duration::from_hours(1));
    assert!(run.error().to_string().contains("the try took longer than 3600s"));
    // Nobody could ever wake this one, so nobody waits for it.
    #[workflow]
    async fn for_ever(ctx: &WorkflowContext) -> Result<()> {
        ctx.step(send("x".into()).named("lost")).await?;
        Ok(())
    }
    engine.on(send).with_async(|_, _| std::future::pending::<Result<String>>());
    let error = engine.run(for_ever()).await.error();
    assert!(
        error.to_string().starts_with("the run waits for ever, for the function of `lost#1` to end: give"),
        "{error}"
    );
}
