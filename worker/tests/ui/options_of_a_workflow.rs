//! A workflow is replayed, never retried: its call has no policy.
use piton::prelude::*;

#[workflow]
async fn inner(_ctx: &WorkflowContext) -> Result<u64> {
    Ok(1)
}

fn main() {
    let _ = inner().retry(RetryPolicy::never());
}
