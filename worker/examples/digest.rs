//! Digest: the clock starts a run, every working day.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example digest`; `piton schedule list` says when it fires next,
//! and `piton run start digest --input '{"topic": "orders"}'` starts one now.

use piton::prelude::*;

/// Counts what happened since the last one.
#[function(retries = 3, try_timeout = "1m")]
async fn count_news(topic: String) -> Result<u32> {
    Ok(u32::try_from(topic.len()).unwrap_or(u32::MAX))
}

/// Sends it, once under each key.
#[function(retries = 5, try_timeout = "30s")]
async fn send_digest(ctx: &FunctionContext, topic: String, news: u32) -> Result<String> {
    println!("{news} news about {topic}, under the key {}", ctx.idempotency_key());
    Ok(format!("{news} about {topic}"))
}

/// Firings that were missed while nothing ran are one digest and not many, and one that takes long is not overtaken by the
/// next.
#[workflow(triggers(
    cron(
        "0 9 * * 1-5",
        tz = "Europe/Berlin",
        name = "orders",
        overlap = "skip",
        catch_up = "one",
        input = r#"{"topic": "orders"}"#
    ),
    cron(
        "0 17 * * 5",
        tz = "Europe/Berlin",
        name = "week",
        jitter = "30s",
        input = r#"{"topic": "week", "least": 1}"#
    ),
))]
async fn digest(ctx: &WorkflowContext, topic: String, least: Option<u32>) -> Result<Option<String>> {
    let news = ctx.step(count_news(topic.clone())).await?;
    if news < least.unwrap_or(0) {
        return Ok(None);
    }
    Ok(Some(ctx.step(send_digest(topic, news)).await?))
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(count_news).register(send_digest).register(digest)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{TestEngine, Trial};

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker())
    }

    #[test]
    fn nothing_is_sent_of_too_little() {
        let run = engine().run(digest("orders".into(), Some(7))).blocking();
        assert_eq!(run.output(), None);
        let run = engine().run(digest("orders".into(), None)).blocking();
        assert_eq!(run.output().as_deref(), Some("6 about orders"));
    }

    #[tokio::test]
    async fn it_comes_on_working_mornings_and_at_the_end_of_the_week() {
        let engine = engine();
        let orders = engine.fire("orders").await.expect("it is declared");
        assert_eq!(orders.local(), "Thu 2026-01-01 09:00:00 +01:00");
        assert_eq!(orders.run(digest).output().as_deref(), Some("6 about orders"));
        let week = engine.fire("week").await.expect("it is declared");
        assert_eq!(week.local(), "Fri 2026-01-02 17:00:00 +01:00");
        assert_eq!(week.run(digest).output().as_deref(), Some("4 about week"));
        let monday = engine.fire("orders").await.expect("it is declared");
        assert_eq!(monday.local(), "Mon 2026-01-05 09:00:00 +01:00");
    }

    #[tokio::test]
    async fn whatever_happens_it_ends_the_same() {
        let trial = Trial::of(engine, || digest("orders".into(), None));
        trial.repeat_each_step(|_| {}).await;
        trial.crash_at_each_append(|_| {}).await;
    }
}
