//! What runs beside each other, in batches and with state.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use piton::{prelude::*, testing::*};

const DAY: Duration = Duration::from_hours(24);

#[function]
async fn double(number: u64) -> Result<u64> {
    if number == 13 { Err(Failure::permanent("unlucky")) } else { Ok(number * 2) }
}

#[workflow]
async fn report(ctx: &WorkflowContext) -> Result<u64> {
    let (one, two, three) = ctx.parallel((double(1), double(2), double(3))).await?;
    let data = gather!(ctx, four: double(4), five: double(5)).await?;
    Ok(one + two + three + data.four + data.five)
}

#[test]
fn branches_take_as_long_as_the_longest() {
    let engine = TestEngine::new();
    engine.on(double).takes(Duration::from_mins(1)).with(|number, _| Ok::<_, Failure>(number * 2));
    let run = engine.run_blocking(report());
    assert_eq!(run.story.duration(), Duration::from_mins(2), "{}", run.story);
    assert_eq!(
        run.story.step_keys(),
        [
            "parallel#1/0/double#1",
            "parallel#1/1/double#1",
            "parallel#1/2/double#1",
            "gather#1/four/double#1",
            "gather#1/five/double#1",
        ]
    );
    assert!(run.story.attempts() > 1, "a run that waits for others leaves memory");
    assert_eq!(run.output(), 30);
}

#[test]
fn given_away_steps_are_tried_again_and_time_out() {
    let engine = TestEngine::new().register(double);
    engine.on(double).fails_times(2, "down").executes();
    let run = engine.run_blocking(report());
    assert_eq!(run.story.delays_of("parallel#1/1/double#1"), [500, 1000].map(Duration::from_millis));
    assert_eq!(run.output(), 30);

    #[workflow]
    async fn bounded(ctx: &WorkflowContext) -> Result<String> {
        let policy = RetryPolicy::constant(Duration::from_secs(1)).max_tries(2);
        let slow = double(1).retry(policy).try_timeout(Duration::from_secs(10));
        let (slow, fast) = ctx.parallel((slow, double(2))).settled().await;
        Ok(format!("{}, {}", slow.expect_err("it never ends"), fast?))
    }
    engine.on(double).with_async(|number, _| async move {
        if number == 1 {
            std::future::pending::<()>().await;
        }
        Ok::<_, Failure>(number * 2)
    });
    let run = engine.run_blocking(bounded());
    assert_eq!(run.story.duration(), Duration::from_secs(21));
    assert_eq!(run.output(), "the try took longer than 10s, 4");
}

#[tokio::test]
async fn a_crash_of_whoever_executes_repeats_that_step_alone() {
    let key = "parallel#1/1/double#1";
    for when in [When::begins(key), When::ended(key)] {
        let run = TestEngine::new().register(double).run(report()).crash(when.clone()).await;
        let made = |key: &str| run.story.tries_of(key).count();
        let repeated = if when == When::ended(key) { 2 } else { 1 };
        assert_eq!((made("parallel#1/0/double#1"), made(key)), (1, repeated), "{when}\n{}", run.story);
        assert_eq!(run.output(), 30);
    }
    let engine = || TestEngine::new().register(double);
    assert_eq!(Trial::of(engine, report).fail_each_step(|tried| assert!(tried.run.result.is_err())).await, 5);
    assert_eq!(Trial::of(engine, report).repeat_each_step(|_| {}).await, 5);
    Trial::of(engine, report).crash_at_each_append(|_| {}).await;
}

#[test]
fn races_and_deadlines_go_by_the_clock() {
    #[workflow]
    async fn patience(ctx: &WorkflowContext) -> Result<String> {
        match ctx.deadline(DAY, double(1)).await {
            Err(DeadlineError::Elapsed { .. }) => Ok("gave up".into()),
            _ => Ok("was in time".into()),
        }
    }
    let engine = TestEngine::new();
    engine.on(double).takes(DAY * 2).returns(2);
    let run = engine.run_blocking(patience());
    assert_eq!((run.story.duration(), run.story.tries()[0].end.clone()), (DAY, TryEnd::Dropped), "{}", run.story);
}

#[workflow]
async fn bulk(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<(u32, u32, u64)> {
    let result = ctx.batch(numbers.into_iter().map(double)).max_concurrency(3).await?;
    let (mut sum, mut outputs) = (0, result.outputs());
    while let Some(item) = outputs.next().await {
        sum += item.outcome.unwrap_or(0);
    }
    Ok((result.stats.completed, result.stats.failed, sum))
}

/// How many are executed at once, and how many were.
#[derive(Default)]
struct Busy(AtomicU32, AtomicU32);

#[test]
fn batches_are_bounded_and_their_results_read() {
    let engine = TestEngine::new().register(double);
    let numbers: Vec<u64> = (10..20).collect();
    let run = engine.run_blocking(bulk(numbers.clone()));
    assert_eq!(run.story.tries_of("double#1/7").count(), 1);
    assert_eq!(run.output(), (9, 1, (10..20).filter(|number| *number != 13).sum::<u64>() * 2));

    // Three at a time, each a minute: four rounds.
    engine.on(double).takes(Duration::from_mins(1)).returns(1);
    let run = engine.run_blocking(bulk(numbers));
    assert_eq!(run.story.duration(), Duration::from_mins(4), "{}", run.story);
    assert_eq!(run.output(), (10, 0, 10));

    let run = engine.run_blocking(bulk(Vec::new()));
    assert_eq!(run.output(), (0, 0, 0));
    let run = engine.run_blocking(bulk((0..2000).collect()));
    assert_eq!(run.output(), (2000, 0, 2000));
}

#[function]
async fn crowds(busy: Resource<Busy>, number: u64) -> Result<u64> {
    let now = busy.0.fetch_add(1, Ordering::SeqCst) + 1;
    busy.1.fetch_max(now, Ordering::SeqCst);
    tokio::task::yield_now().await;
    busy.0.fetch_sub(1, Ordering::SeqCst);
    Ok(number)
}

#[workflow]
async fn mapped(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    Ok(ctx.map((0..20).map(crowds)).max_concurrency(4).await?)
}

#[test]
fn no_more_than_the_bound_are_executed_at_once() {
    let engine = TestEngine::new().register(crowds).resource(Busy::default());
    assert_eq!(engine.run_blocking(mapped()).output(), (0..20).collect::<Vec<_>>());
    assert_eq!(engine.get::<Busy>().1.load(Ordering::SeqCst), 4);
}

#[test]
fn an_exported_batch_replays_with_its_results() {
    let run = TestEngine::new().register(double).run_blocking(bulk((0..700).collect()));
    let worker = Worker::builder().register(bulk).build().expect("it fits together");
    let replayed = replay(worker.registry(), &run.story.export()).expect("the same code replays");
    assert_eq!(replayed.state, RunState::Completed);
}

#[workflow]
async fn visit(ctx: &WorkflowContext) -> Result<(u64, u64)> {
    let own = ctx.state().update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    let all = ctx.session().update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    ctx.sleep(DAY).await?;
    Ok((own, all))
}

#[tokio::test]
async fn sessions_outlive_their_runs() {
    let engine = TestEngine::new();
    let mut seen = Vec::new();
    for session in ["ada", "ada", "bob"] {
        seen.push(engine.run(visit()).session(session).crash(When::AfterAppend(2)).await.output());
    }
    assert_eq!(seen, [(1, 1), (1, 2), (1, 1)]);
    assert_eq!(engine.run(visit()).await.output(), (1, 1), "without one it is its own");
}
