//! Trials find what a single run does not show.

use std::sync::atomic::{AtomicU64, Ordering};

use piton::{prelude::*, testing::*};

/// Counts what is reserved; one that is careless about repeats counts twice.
#[derive(Default)]
struct Stock {
    reserved: AtomicU64,
    last_key: parking_lot::Mutex<String>,
}

#[function]
async fn reserve(stock: Resource<Stock>, ctx: &FunctionContext) -> Result<()> {
    let key = ctx.idempotency_key();
    let mut last = stock.last_key.lock();
    if *last != key {
        *last = key;
        stock.reserved.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

#[function]
async fn reserve_carelessly(stock: Resource<Stock>) -> Result<()> {
    stock.reserved.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[function]
async fn charge() -> Result<String> {
    Ok("charged".into())
}

#[workflow]
async fn careful(ctx: &WorkflowContext) -> Result<String> {
    ctx.step(reserve()).await?;
    Ok(ctx.step(charge()).await?)
}

#[workflow]
async fn careless(ctx: &WorkflowContext) -> Result<String> {
    ctx.step(reserve_carelessly()).await?;
    Ok(ctx.step(charge()).await?)
}

fn engine() -> TestEngine {
    TestEngine::new().register(reserve).register(reserve_carelessly).register(charge).resource(Stock::default())
}

fn reserved(engine: &TestEngine) -> u64 {
    engine.get::<Stock>().reserved.load(Ordering::SeqCst)
}

#[tokio::test]
async fn every_step_fails_in_turn() {
    let mut failed = Vec::new();
    let runs = Trial::of(engine, careful)
        .fail_each_step(|tried| {
            let error = tried.run.result.expect_err("nothing catches it");
            failed.push((tried.place, error.to_string(), reserved(&tried.engine)));
        })
        .await;
    assert_eq!(runs, 2);
    let expected = ["reserve#1", "charge#1"].map(|step| format!("the workflow failed: `{step}` fails in this trial"));
    assert_eq!(failed, [("reserve#1".into(), expected[0].clone(), 0), ("charge#1".into(), expected[1].clone(), 1)]);
}

#[tokio::test]
async fn every_step_is_repeated_in_turn() {
    let runs = Trial::of(engine, careful).repeat_each_step(|tried| assert_eq!(reserved(&tried.engine), 1)).await;
    assert_eq!(runs, 2);
    let mut counts = Vec::new();
    Trial::of(engine, careless).repeat_each_step(|tried| counts.push(reserved(&tried.engine))).await;
    assert_eq!(counts, [2, 1], "the careless one reserves twice");
}

#[tokio::test]
async fn a_crash_at_every_append_changes_nothing() {
    let mut places = Vec::new();
    let runs = Trial::of(engine, careful).crash_at_each_append(|tried| places.push(tried.place)).await;
    assert_eq!(runs, 4);
    assert_eq!(places, ["before append 1", "after append 1", "before append 2", "after append 2"]);
}

#[tokio::test]
#[should_panic(expected = "it ended with 2, and untouched with 1")]
async fn a_run_that_a_crash_changes_is_found_out() {
    #[function]
    async fn count(stock: Resource<Stock>) -> Result<u64> {
        Ok(stock.reserved.fetch_add(1, Ordering::SeqCst) + 1)
    }
    #[workflow]
    async fn counted(ctx: &WorkflowContext) -> Result<u64> {
        Ok(ctx.step(count()).await?)
    }
    Trial::of(|| engine().register(count), counted).crash_at_each_append(|_| {}).await;
}

#[tokio::test]
#[should_panic(expected = "has no step")]
async fn a_trial_of_nothing_is_refused() {
    #[workflow]
    async fn nothing(ctx: &WorkflowContext) -> Result<()> {
        let _ = ctx.now();
        Ok(())
    }
    Trial::of(engine, nothing).fail_each_step(|_| {}).await;
}
