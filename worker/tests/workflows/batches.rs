//! Batches and maps.

use std::time::Duration;

use futures::StreamExt;
use piton::{MapError, name::Queue, prelude::*};
use piton_shared::{
    message::batch::OnFailure,
    replay::{Call, StepOptions},
};
use serde_json::json;

use crate::{
    decoded,
    driver::{Answer, Driver, End},
};

#[function(retries = 2, timeout = "30s", queue = "documents")]
async fn process(ctx: &FunctionContext, id: String) -> Result<String> {
    if id.starts_with("bad") { Err(Failure::permanent(format!("{id} is bad"))) } else { Ok(ctx.idempotency_key()) }
}

fn worker<Inputs>(workflow: impl piton::Register<Inputs>) -> Worker {
    Worker::builder().register(process).register(workflow).build().expect("all is given")
}

type Shown = (String, [u32; 5], Vec<(usize, Option<String>, String, u32)>, Vec<(usize, String)>);

#[workflow]
async fn bulk(ctx: &WorkflowContext, ids: Vec<String>) -> Result<Shown> {
    let result = ctx
        .batch(ids.into_iter().map(|id| (id.clone(), process(id))))
        .max_concurrency(20)
        .item_timeout(Duration::from_secs(5))
        .named("bulk")
        .await?;
    let mut shown = Vec::new();
    let mut outputs = result.outputs();
    while let Some(item) = outputs.next().await {
        let outcome = item.outcome.unwrap_or_else(|error| error.to_string());
        shown.push((item.index, item.id, outcome, item.tries));
    }
    assert_eq!(result.outputs().map(|item| item.index).count().await, shown.len(), "as a stream, and again");
    let failed = result.failed_items().await.into_iter().map(|item| (item.index, item.error.to_string())).collect();
    let stats = result.stats;
    let stats = [stats.total, stats.completed, stats.failed, stats.cancelled, stats.pending];
    Ok((format!("{:?}", result.status), stats, shown, failed))
}

#[tokio::test]
async fn a_batch_reads_its_results_by_pages() {
    let worker = worker(bulk);
    let mut driver = Driver::new(&worker, "bulk", &["a", "bad b", "c"]);
    let end = driver.drive(|_| Answer::Execute).await;
    let run = crate::driver::run_id();
    assert_eq!(
        decoded(&end),
        json!([
            "PartialFailure",
            [3, 2, 1, 0, 0],
            [
                [0, "a", format!("{run}/bulk#1/1"), 1],
                [1, "bad b", "bad b is bad", 1],
                [2, "c", format!("{run}/bulk#1/3"), 1]
            ],
            [[1, "bad b is bad"]],
        ])
    );
    assert_eq!(driver.keys(), ["bulk#1"]);
    driver.check_replays(&end);
    let Call::Batch(batch) = &driver.asked[0] else { panic!("{:?}", driver.asked) };
    let terms = &batch.terms;
    assert_eq!((terms.function.as_str(), terms.max_concurrency), ("process", 20));
    assert_eq!(terms.on_failure, OnFailure::Continue);
    assert_eq!(terms.queue, Some(Queue::new("documents").expect("a name")), "the attribute's");
    assert_eq!(terms.item.timeout, Some(Duration::from_secs(5)), "the batch's");
    assert_eq!(terms.item.retry.as_ref().map(|policy| policy.max_tries), Some(3), "the attribute's");
    assert_eq!(StepOptions::default().queue, terms.item.queue);
}

#[tokio::test]
async fn an_empty_batch_is_a_success() {
    let worker = worker(bulk);
    let mut driver = Driver::new(&worker, "bulk", &Vec::<String>::new());
    let end = driver.drive(|_| Answer::Execute).await;
    assert_eq!(decoded(&end), json!(["Completed", [0, 0, 0, 0, 0], [], []]));
}

#[workflow]
async fn mapped(ctx: &WorkflowContext, ids: Vec<String>) -> Result<Vec<usize>> {
    match ctx.map(ids.into_iter().map(process)).await {
        Ok(values) => Ok(values.into_iter().map(|value| value.len()).collect()),
        Err(MapError::Item { first, result }) => {
            Ok(vec![first.index, result.stats.completed as usize, result.stats.cancelled as usize])
        }
        Err(error) => Err(error.into()),
    }
}

#[tokio::test]
async fn a_map_gives_every_value_or_none() {
    let worker = worker(mapped);
    let length = format!("{}/process#1/1", crate::driver::run_id()).len();
    for (ids, values) in [(vec!["a", "b"], vec![length; 2]), (vec!["a", "bad", "c", "d"], vec![1, 1, 2])] {
        let mut driver = Driver::new(&worker, "mapped", &ids);
        let end = driver.drive(|_| Answer::Execute).await;
        assert_eq!(decoded(&end), json!(values));
        driver.check_replays(&end);
    }
}

#[workflow]
async fn maps(ctx: &WorkflowContext) -> Result<Vec<String>> {
    Ok(ctx.map(["a", "bad", "worse"].map(String::from).into_iter().map(process)).await?)
}

#[tokio::test]
async fn the_error_of_a_map_names_the_first_item() {
    let worker = worker(maps);
    let End::Ended(Err(failure)) = Driver::new(&worker, "maps", &()).drive(|_| Answer::Execute).await else {
        panic!("an item failed")
    };
    assert_eq!(failure.to_string(), "1 of 3 items failed, the first at index 1: bad is bad");
}

#[workflow]
async fn misused(ctx: &WorkflowContext, how: String) -> Result<()> {
    let calls = vec![process("a".into())];
    let batch = match how.as_str() {
        "options" => ctx.batch(calls.into_iter().map(|call| call.named("mine"))),
        "concurrency" => ctx.batch(calls).max_concurrency(0),
        "id" => ctx.batch(calls).named("a/b"),
        "nul" => ctx.batch(vec![("a\0b".to_owned(), process("a".into()))]).named("b"),
        "forever" => ctx.batch(calls).named("b").item_timeout(std::time::Duration::MAX),
        "long" => ctx.batch(vec![("x".repeat(257), process("a".into()))]).named("b"),
        _ => {
            let draws = ctx.clone();
            ctx.batch((0..3).map(move |_| process(draws.uuid().to_string())))
        }
    };
    batch.await?;
    Ok(())
}

#[tokio::test]
async fn misuse_of_a_batch_parks_with_the_cure() {
    let worker = worker(misused);
    for (how, text) in [
        ("options", "give them to the batch"),
        ("concurrency", "1 to 10000 items under way"),
        ("id", "`a/b` has '/'"),
        ("long", "its id has 257 bytes, 256 are allowed"),
        ("nul", "item 1 of the batch `b#1`: its id `a\\0b` holds NUL"),
        ("forever", "`b#1` cannot wait so long: its timeout"),
        ("context", "made with the context"),
    ] {
        let end = Driver::new(&worker, "misused", &how).drive(|_| Answer::Execute).await;
        let End::Parked(parked) = end else { panic!("{how}: {end:?}") };
        assert!(parked.to_string().contains(text), "{parked}");
    }
}

#[workflow]
async fn beside(ctx: &WorkflowContext) -> Result<(u32, u32)> {
    let batches = (ctx.batch(vec![process("a".into())]), ctx.batch(vec![process("b".into()), process("c".into())]));
    let (left, right) = ctx.parallel(batches).await?;
    Ok((left.stats.total, right.stats.total))
}

#[tokio::test]
async fn batches_run_beside_each_other() {
    let worker = worker(beside);
    let mut driver = Driver::new(&worker, "beside", &());
    let end = driver.drive(|_| Answer::Execute).await;
    assert_eq!(decoded(&end), json!([1, 2]));
    assert_eq!(driver.keys(), ["process#1", "process#2"]);
    driver.check_replays(&end);
}

#[tokio::test]
async fn a_cancelled_run_has_no_batch() {
    let worker = worker(maps);
    let end = Driver::new(&worker, "maps", &()).drive(|_| Answer::Cancel).await;
    let End::Ended(Err(failure)) = end else { panic!("{end:?}") };
    assert_eq!(failure.cause, piton::Cause::Cancelled);
}
