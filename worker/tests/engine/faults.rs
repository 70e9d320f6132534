//! Crashes, cancels and kills at moments of choice.

use std::{future::IntoFuture, time::Duration};

use piton::{
    prelude::*,
    testing::{RunError, *},
    *,
};

const HOUR: Duration = Duration::from_hours(1);

#[function]
async fn first(number: u64) -> Result<u64> {
    Ok(number + 1)
}

#[function]
async fn second(ctx: &FunctionContext, number: u64) -> Result<String> {
    Ok(format!("{number} under {}", ctx.idempotency_key().split('/').nth(1).unwrap_or_default()))
}

#[function]
async fn undo() -> Result<()> {
    Ok(())
}

#[workflow]
async fn two_steps(ctx: &WorkflowContext, number: u64) -> Result<String> {
    let number = ctx.step(first(number)).await?;
    if let Err(error) = ctx.sleep(HOUR).await {
        ctx.step(undo()).await?;
        return Err(error.into());
    }
    Ok(ctx.step(second(number)).await?)
}

fn engine() -> TestEngine {
    TestEngine::new().register(first).register(second).register(undo)
}

#[test]
fn a_crash_loses_what_was_not_written_and_nothing_else() {
    for (when, tries, attempts) in [
        (When::begins("first#1"), [1, 1], 3),
        (When::ended("first#1"), [2, 1], 3),
        (When::written("first#1"), [1, 1], 3),
        (When::ended("second#1"), [1, 2], 3),
        // The run had ended with it, and nobody learned of that.
        (When::written("second#1"), [1, 1], 2),
        (When::After(HOUR / 2), [1, 1], 2),
    ] {
        let run = engine().run(two_steps(1)).crash(when.clone()).blocking();
        let made = ["first#1", "second#1"].map(|key| run.story.tries_of(key).count());
        assert_eq!((made, run.story.attempts()), (tries, attempts), "{when}\n{}", run.story);
        assert_eq!(run.output(), "2 under second#1");
    }
}

#[test]
fn a_repeated_try_has_the_same_key_and_a_later_epoch() {
    let run = engine().run(two_steps(1)).crash(When::ended("first#1")).crash(When::ended("first#1")).blocking();
    let tries: Vec<_> = run.story.tries_of("first#1").collect();
    assert_eq!(tries.len(), 3);
    assert!(tries.windows(2).all(|pair| pair[0].idempotency_key == pair[1].idempotency_key));
    assert!(tries.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
    assert_eq!(tries[2].idempotency_key, format!("{}/first#1", run.story.run_id()));
}

#[test]
fn crashes_between_tries_lose_no_failed_try() {
    let engine = engine();
    engine.on(first).fails_times(2, "down").returns(2);
    for append in 1..=4 {
        let run = engine.run(two_steps(1)).crash(When::AfterAppend(append)).blocking();
        assert_eq!(run.story.tries_of("first#1").count(), 3, "{}", run.story);
        assert_eq!(run.story.delays_of("first#1"), [500, 1000].map(Duration::from_millis), "{}", run.story);
        assert_eq!(run.output(), "2 under second#1");
    }
}

#[test]
fn a_cancel_is_told_and_made_good() {
    let run = engine().run(two_steps(1)).cancel(When::After(HOUR / 2)).blocking();
    assert_eq!(run.story.state(), RunState::Cancelled);
    assert_eq!(run.story.step_keys(), ["first#1", "undo#1"]);
    assert_eq!(run.story.duration(), HOUR / 2);
    assert_eq!(run.story.timers()[0].fired_at, None);
    assert!(matches!(run.error(), RunError::Cancelled(failure) if failure.cause == Cause::Cancelled));

    let run = engine().run(two_steps(1)).cancel(When::After(Duration::ZERO)).blocking();
    assert_eq!((run.story.state(), run.story.attempts()), (RunState::Cancelled, 0), "it never began");
}

#[test]
fn a_cancelled_function_is_dropped() {
    let engine = engine();
    engine.on(first).never_ends();
    let run = engine.run(two_steps(1)).cancel(When::After(HOUR)).blocking();
    assert_eq!(run.story.tries_of("first#1").map(|tried| &tried.end).collect::<Vec<_>>(), [&TryEnd::Dropped]);
    assert_eq!(run.story.state(), RunState::Cancelled);
}

#[test]
fn a_kill_ends_it_there() {
    let run = engine().run(two_steps(1)).kill(When::ended("first#1")).blocking();
    assert_eq!((run.story.state(), run.story.step_keys().len()), (RunState::Killed, 0));
    assert_eq!(run.error(), RunError::Killed);
    let run = engine().run(two_steps(1)).kill(When::After(HOUR / 2)).blocking();
    assert_eq!((run.story.state(), run.story.step_keys()), (RunState::Killed, vec!["first#1"]));
}

#[test]
fn a_deploy_hands_the_run_over() {
    #[workflow]
    async fn no_sleep(ctx: &WorkflowContext) -> Result<u64> {
        let number = ctx.step(first(1)).await?;
        Ok(ctx.step(first(number)).await?)
    }
    let run = engine().run(no_sleep()).drain(When::begins("first#1")).blocking();
    assert_eq!(run.story.attempts(), 2, "{}", run.story);
    let made = ["first#1", "first#2"].map(|key| run.story.tries_of(key).count());
    assert_eq!(made, [1, 1], "what runs is let finish\n{}", run.story);
    assert_eq!(run.output(), 3);
}

#[test]
fn a_fault_that_never_comes_is_no_reason_to_wait() {
    let run = engine().run(two_steps(1)).crash(When::written("no_such_step#1")).crash(When::AfterAppend(99)).blocking();
    assert_eq!(run.output(), "2 under second#1");
}

#[function]
async fn slow(number: u64) -> Result<u64> {
    tokio::task::yield_now().await;
    Ok(number)
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.step(slow(7)).await?)
}

#[tokio::test]
async fn a_key_starts_one_run_also_when_two_ask_at_once_and_for_seven_days() {
    let engine = TestEngine::new().register(slow);
    let start = || engine.run(waits()).key("k").into_future();
    let (one, two) = tokio::join!(start(), start());
    let first = one.story.run_id();
    assert_eq!(first, two.story.run_id());
    engine.advance(HOUR * (24 * 7 - 1));
    assert_eq!(start().await.story.run_id(), first);
    engine.advance(HOUR);
    assert_ne!(start().await.story.run_id(), first);
}

#[test]
fn nothing_new_begins_in_a_paused_run_until_it_is_resumed() {
    for (pause, begun) in [
        (When::After(Duration::ZERO), 0),
        (When::begins("first#1"), 0),
        (When::ended("first#1"), 1),
        (When::written("first#1"), 1),
        (When::After(HOUR / 2), 1),
        (When::begins("second#1"), 1),
    ] {
        let resumed = HOUR * 5;
        let run = engine().run(two_steps(1)).pause(pause.clone()).resume(When::After(resumed)).blocking();
        let story = &run.story;
        let before = story.tries().iter().filter(|tried| tried.started_at.since(story.started_at()) < resumed).count();
        assert_eq!((before, story.tries().len()), (begun, 2), "{pause}\n{story}");
        assert!(story.tries().iter().all(|tried| tried.number == 1), "no try is used up: {pause}\n{story}");
        assert_eq!(run.output(), "2 under second#1");
    }
}

#[test]
fn a_paused_run_that_nobody_resumes_says_so() {
    let run = engine().run(two_steps(1)).pause(When::written("first#1")).blocking();
    assert!(run.error().to_string().contains("for somebody to resume it"));
}

#[workflow]
async fn spread(ctx: &WorkflowContext) -> Result<Vec<u64>> {
    let each = (0..6).map(|number| first(number).retry(RetryPolicy::constant(HOUR)));
    Ok(ctx.parallel(each).await?)
}

#[test]
fn what_a_paused_run_gave_away_waits_with_it() {
    let engine = engine();
    engine.on(first).takes(HOUR).fails_times(1, "down").executes();
    for pause in [When::begins("parallel#1/3/first#1"), When::After(HOUR / 2), When::After(HOUR + HOUR / 120)] {
        let run = engine.run(spread()).pause(pause.clone()).resume(When::After(HOUR * 9)).blocking();
        let story = &run.story;
        let late = |tried: &&TestTry| tried.started_at.since(story.started_at()) >= HOUR * 9;
        let begun = if matches!(pause, When::Begins(_)) { 3 } else { 6 };
        assert_eq!(story.tries().len(), 12, "{pause}\n{story}");
        assert_eq!(story.tries().iter().filter(late).count(), 12 - begun, "{pause}\n{story}");
        assert_eq!(run.output(), [1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn a_cancel_of_a_paused_run_is_seen_once_it_is_resumed() {
    let engine = engine();
    let start = engine.run(two_steps(1)).pause(When::written("first#1")).cancel(When::After(HOUR / 4));
    let run = start.resume(When::After(HOUR * 5)).blocking();
    assert_eq!(run.story.step_keys(), ["first#1", "undo#1"]);
    assert_eq!(run.story.duration(), HOUR * 5);
    assert!(matches!(run.error(), RunError::Cancelled(_)));
}
