//! Bulk: one function over many documents, a bounded number at once, each with its own outcome.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example bulk`, then
//! `piton run start bulk_processor --input '["a", "b", ""]' --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Processed {
    processed: u32,
    failed: u32,
    /// Of the first that failed, which and why.
    reasons: Vec<String>,
}

/// Processes one document.
#[function(retries = 2)]
async fn process_document(id: String) -> Result<usize> {
    if id.is_empty() { Err(Failure::permanent("a document has a name")) } else { Ok(id.len()) }
}

/// All documents, twenty at a time.
#[workflow]
async fn bulk_processor(ctx: &WorkflowContext, documents: Vec<String>) -> Result<Processed> {
    let items = documents.into_iter().map(|id| (id.clone(), process_document(id)));
    let result = ctx.batch(items).max_concurrency(20).await?;
    let failed = result.failed_items().await;
    let reasons = failed.iter().take(10).map(|item| format!("{}: {}", item.index, item.error)).collect();
    Ok(Processed { processed: result.stats.completed, failed: result.stats.failed, reasons })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(process_document).register(bulk_processor)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use piton::testing::TestEngine;

    use super::*;

    fn documents(count: u32) -> Vec<String> {
        (0..count).map(|number| format!("document {number}")).collect()
    }

    #[test]
    fn a_hundred_documents_take_five_rounds_of_twenty() {
        let engine = TestEngine::of(worker());
        engine.on(process_document).takes(Duration::from_secs(30)).returns(1);
        let run = engine.run_blocking(bulk_processor(documents(100)));
        assert_eq!(run.story.duration(), Duration::from_secs(150));
        assert_eq!(run.output(), Processed { processed: 100, failed: 0, reasons: Vec::new() });
    }

    #[test]
    fn one_that_fails_is_named_and_costs_only_itself() {
        let mut documents = documents(5);
        documents[3].clear();
        let processed = TestEngine::of(worker()).run_blocking(bulk_processor(documents)).output();
        assert_eq!((processed.processed, processed.failed, processed.reasons.len()), (4, 1, 1));
    }
}
