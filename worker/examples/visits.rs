//! Visits: state of a run, and of a session across its runs.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example visits`, then twice
//! `piton run start visits --session ada --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Visits {
    visits: u64,
}

/// Counts a visit of this session.
#[workflow]
async fn visits(ctx: &WorkflowContext) -> Result<Visits> {
    // Lives as long as the run.
    ctx.state().set("phase", "started".to_owned()).await?;
    // Lives as long as the session. A set would lose the visit of another run that writes at the same time.
    let visits = ctx.session().update("visit_count", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    Ok(Visits { visits })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(visits)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{TestEngine, When};

    use super::*;

    #[tokio::test]
    async fn visits_are_counted_by_session_and_once_for_each_run() {
        let engine = TestEngine::of(worker());
        let mut counted = Vec::new();
        for session in ["ada", "ada", "bob"] {
            counted.push(engine.run(visits()).session(session).crash(When::AfterAppend(2)).await.output().visits);
        }
        assert_eq!(counted, [1, 2, 1]);
    }
}
