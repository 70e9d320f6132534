//! Work that is given away and written down: items of a batch and branches of a fan-out, each with its side effect.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use piton::prelude::*;

use crate::ledger::Ledger;

/// How long the side effect of an item takes.
const TAKES: Duration = Duration::from_millis(8);

/// Every tenth item fails for good.
const FAILING: u32 = 10;

/// Writes down when it begins and ends, by this machine's clock, and books the item once for its key.
#[function]
pub(crate) async fn book(ledger: Resource<Ledger>, ctx: &FunctionContext, what: String, item: u32) -> Result<u32> {
    let key = ctx.idempotency_key();
    let note = |word: &str| ledger.call(&key, ctx.try_number(), &format!("{what} {word} {}", micros()));
    note("begins")?;
    tokio::time::sleep(TAKES).await;
    ledger.charge(&key, &format!("{what}-{item}"))?;
    note("ends")?;
    if what == "item" && item.is_multiple_of(FAILING) {
        return Err(Failure::permanent(format_args!("item {item} is refused")));
    }
    Ok(item)
}

/// A batch of so many items, so many at once: how many completed, failed and were never executed, and how many outcomes
/// were read of each kind.
#[workflow]
pub(crate) async fn book_batch(ctx: &WorkflowContext, items: u32, bound: u32) -> Result<(u32, u32, u32, u32, u32)> {
    let result = ctx.batch((0..items).map(|item| book("item".to_owned(), item))).max_concurrency(bound).await?;
    let (mut good, mut bad) = (0, 0);
    let mut outputs = result.outputs();
    while let Some(item) = outputs.next().await {
        match item.outcome {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    let stats = &result.stats;
    Ok((stats.completed, stats.failed, stats.cancelled, good, bad))
}

/// So many branches beside each other; the sum of their numbers.
#[workflow]
pub(crate) async fn book_side_by_side(ctx: &WorkflowContext, branches: u32) -> Result<u32> {
    let calls: Vec<_> = (0..branches).map(|branch| book("branch".to_owned(), branch)).collect();
    Ok(ctx.parallel(calls).await?.into_iter().sum())
}

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros())
}
