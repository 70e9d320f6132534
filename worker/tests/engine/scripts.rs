//! What functions do, executed and scripted.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use piton::{
    prelude::*,
    testing::{RunError, *},
    *,
};

#[derive(Default)]
struct Calls(AtomicU32);

#[function]
async fn price(calls: Resource<Calls>, item: String) -> Result<u64> {
    calls.0.fetch_add(1, Ordering::SeqCst);
    Ok(item.len() as u64)
}

#[function]
async fn pay(item: String, cents: u64) -> Result<String> {
    Ok(format!("{item} for {cents}"))
}

#[workflow]
async fn buy(ctx: &WorkflowContext, item: String) -> Result<String> {
    let cents = ctx.step(price(item.clone())).await?;
    Ok(ctx.step(pay(item, cents)).await?)
}

#[test]
fn functions_are_executed_with_their_resources() {
    let engine = TestEngine::new().register(price).register(pay).resource(Calls::default());
    let run = engine.run_blocking(buy("tent".into()));
    assert_eq!(run.story.state(), RunState::Completed);
    assert_eq!(run.story.attempts(), 1);
    assert_eq!(run.story.step_keys(), ["price#1", "pay#1"]);
    assert_eq!(run.story.result_of::<u64>("price#1"), 4);
    assert_eq!(run.output(), "tent for 4");
    assert_eq!(engine.get::<Calls>().0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_worker_knows_is_taken_over_and_its_resources_replaced() {
    let worker = Worker::builder().register(price).register(pay).register(buy).resource(Calls(AtomicU32::new(40)));
    let engine = TestEngine::of(worker).resource(Calls::default());
    assert_eq!(engine.run(buy("tent".into())).await.output(), "tent for 4");
    assert_eq!(engine.get::<Calls>().0.load(Ordering::SeqCst), 1);
}

#[test]
fn scripts_stand_in_for_functions_that_nobody_registered() {
    let engine = TestEngine::new();
    engine.on(price).returns(7);
    engine.on(pay).with(|(item, cents), attempt| {
        assert_eq!(attempt.step_key().as_str(), "pay#1");
        Ok::<_, Failure>(format!("{item} at {cents}"))
    });
    assert_eq!(engine.run_blocking(buy("tent".into())).output(), "tent at 7");
    engine.on(price).fails(Failure::permanent("sold out"));
    let run = engine.run_blocking(buy("tent".into()));
    let failed = run.result.expect_err("the price is a permanent failure");
    assert_eq!(failed.failure().map(|failure| failure.message.as_str()), Some("sold out"));
    assert_eq!(run.story.tries().len(), 1);
}

#[test]
fn a_script_goes_try_by_try_and_then_to_the_function() {
    let engine = TestEngine::new().register(price).resource(Calls::default());
    engine.on(price).fails_times(1, "down").panics_times(1, "worse");
    engine.on(pay).with_async(|(item, _), attempt| async move {
        tokio::task::yield_now().await;
        if attempt.try_number() < 2 { Err("slow") } else { Ok(item) }
    });
    let run = engine.run_blocking(buy("tent".into()));
    let ends: Vec<_> = run.story.tries_of("price#1").map(|tried| tried.end.failure().map(|it| it.cause)).collect();
    assert_eq!(ends, [Some(Cause::Error), Some(Cause::Panic), None]);
    assert_eq!(run.story.delays_of("price#1"), [500, 1000].map(Duration::from_millis));
    assert_eq!(run.output(), "tent");
    assert_eq!(engine.get::<Calls>().0.load(Ordering::SeqCst), 1);
}

#[test]
fn the_workflow_sees_how_a_step_ended() {
    #[workflow]
    async fn seen(ctx: &WorkflowContext) -> Result<String> {
        let patient = RetryPolicy::never();
        match ctx.step(price("tent".into()).retry(patient)).await {
            Err(StepError::Panicked(failure)) => Ok(failure.message),
            other => Err(Failure::new(format_args!("{other:?}"))),
        }
    }
    let engine = TestEngine::new();
    engine.on(price).panics("boo");
    assert_eq!(engine.run_blocking(seen()).output(), "boo");
}

#[test]
fn what_is_lacking_says_what_to_do() {
    let engine = TestEngine::new().register(price);
    let error = engine.run_blocking(buy("tent".into())).error();
    assert!(error.to_string().contains("`price` takes `Resource<"), "{error}");
    let engine = engine.resource(Calls::default());
    let run = engine.run_blocking(buy("tent".into()));
    assert_eq!(run.story.state(), RunState::Parked);
    assert_eq!(
        run.error().to_string(),
        "the workflow calls `pay`, which this engine does not know: register it with `.register(pay)`, or script it with `engine.on(pay)`"
    );
}

#[test]
#[should_panic(expected = "two functions are called `price`")]
fn two_of_one_name_are_refused() {
    let engine = TestEngine::new().register(price).register(price).resource(Calls::default());
    let _ = engine.run_blocking(buy("tent".into()));
}

#[test]
fn an_idempotency_key_starts_once() {
    let engine = TestEngine::new();
    engine.on(price).returns(7);
    engine.on(pay).returns("paid".into());
    let first = engine.run(buy("tent".into())).key("order-1").tag("test").blocking();
    let again = engine.run(buy("tent".into())).key("order-1").blocking();
    assert_eq!(first.story.run_id(), again.story.run_id());
    assert_eq!(first.story.tags(), ["test"]);
    assert_eq!(again.output(), "paid");
    let other = engine.run(buy("boat".into())).key("order-1").blocking();
    assert_eq!(other.error(), RunError::KeyTaken { key: "order-1".into() });
    let third = engine.run(buy("boat".into())).key("order-2").blocking();
    assert_ne!(third.story.run_id(), first.story.run_id());
}

#[test]
fn the_same_runs_are_the_same_to_the_last_bit() {
    #[workflow]
    async fn rolls(ctx: &WorkflowContext) -> Result<(f64, Uuid, RunId)> {
        Ok((ctx.random(), ctx.uuid(), ctx.run_id()))
    }
    let twice = [(); 2].map(|()| {
        let engine = TestEngine::new().seed(7);
        [engine.run_blocking(rolls()).output(), engine.run_blocking(rolls()).output()]
    });
    assert_eq!(twice[0], twice[1]);
    assert_ne!(twice[0][0], twice[0][1], "one run is not another");
    assert_ne!(TestEngine::new().seed(8).run_blocking(rolls()).output().1, twice[0][0].1);
}

#[test]
fn a_workflow_that_does_not_replay_is_found_out() {
    static CALLED: AtomicU32 = AtomicU32::new(0);
    #[workflow]
    async fn counts(ctx: &WorkflowContext) -> Result<u32> {
        let _ = ctx.now();
        Ok(CALLED.fetch_add(1, Ordering::SeqCst))
    }
    let error = TestEngine::new().run_blocking(counts()).error();
    assert!(
        matches!(&error, RunError::NotDeterministic { difference } if difference.contains("ended with 0")),
        "{error}"
    );

    #[workflow]
    async fn walks(ctx: &WorkflowContext) -> Result<()> {
        let items: HashMap<_, _> = (0..50).map(|number| (number, number.to_string())).collect();
        for item in items.into_values() {
            ctx.step(price(item)).await?;
        }
        Ok(())
    }
    let engine = TestEngine::new();
    engine.on(price).returns(1);
    let error = engine.run_blocking(walks()).error();
    assert!(matches!(&error, RunError::NotDeterministic { difference } if difference.contains("price#")), "{error}");
}

#[test]
fn a_foreign_await_parks_and_says_so() {
    #[workflow]
    async fn waits(ctx: &WorkflowContext) -> Result<()> {
        let _ = ctx.now();
        std::future::pending().await
    }
    let error = TestEngine::new().run_blocking(waits()).error();
    assert_eq!(error.parked(), Some(&Parked::ForeignAwait { after: None }));
}
