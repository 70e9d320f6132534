//! A worker with one workflow: it welcomes a user, and asks a day later how it went.

use std::time::Duration;

use piton::{
    prelude::*,
    telemetry::{self, TelemetryOptions},
};

/// A unit of side effects. It runs at least once, and one result wins: hand the key on to whatever you call.
#[function(retries = 5, try_timeout = "10s")]
async fn send_mail(ctx: &FunctionContext, to: String, subject: String) -> Result<String> {
    println!("to {to}: {subject}   (key {})", ctx.idempotency_key());
    Ok(format!("{subject} -> {to}"))
}

/// What happens in which order. After a crash it goes on behind the last step that finished.
///
/// An event of that name starts it, with the members of its data as inputs.
#[workflow(triggers(event("user.signed_up")))]
async fn welcome(ctx: &WorkflowContext, email: String, wait_seconds: Option<u64>) -> Result<Vec<String>> {
    let hello = ctx.step(send_mail(email.clone(), "Welcome!".into())).await?;
    // Durable: this process may stop meanwhile, and no memory is held.
    ctx.sleep(Duration::from_secs(wait_seconds.unwrap_or(24 * 60 * 60))).await?;
    let question = ctx.step(send_mail(email, "How was your first day?".into())).await?;
    Ok(vec![hello, question])
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // A line for each run that is taken and ended here, and for each try that fails. PITON_LOG says more or less: `info`, `piton=trace`.
    let telemetry = telemetry::init(&TelemetryOptions::from_env_or(env!("CARGO_PKG_NAME"), "warn,piton=debug")?)?;
    let ended = work();
    telemetry.shutdown();
    ended
}

#[tokio::main]
async fn work() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // PITON_NATS_URL says where Piton is; `piton dev -- cargo run` sets it.
    Worker::builder().options_from_env().register(send_mail).register(welcome).connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{TestEngine, When};

    use super::*;

    /// No server, and no waiting: the day is over at once.
    #[test]
    fn the_question_comes_a_day_later_though_the_mail_server_and_the_worker_fail() {
        let engine = TestEngine::new().register(send_mail);
        engine.on(send_mail).fails_times(1, "the mail server is away").executes();
        let run =
            engine.run(welcome("ada@example.com".into(), None)).crash(When::After(Duration::from_hours(1))).blocking();
        assert!(run.story.duration() >= Duration::from_hours(24));
        assert_eq!(run.story.tries_of("send_mail#1").count(), 2);
        assert_eq!(run.output(), ["Welcome! -> ada@example.com", "How was your first day? -> ada@example.com"]);
    }
}
