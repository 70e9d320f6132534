//! Notify: look somebody up and write to them.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example notify`, then
//! `piton run start notify --input '"u-1"' --wait`.

use piton::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct User {
    id: String,
    name: String,
}

/// Looks a user up.
#[function]
async fn fetch_user(id: String) -> Result<User> {
    Ok(User { id, name: "Ada".into() })
}

/// Writes to a user. The provider knows a repeated mail by its key.
#[function(retries = 4)]
async fn send_email(ctx: &FunctionContext, user: User, subject: String) -> Result<String> {
    Ok(format!("`{subject}` to {} under the key {}", user.name, ctx.step_key()))
}

/// Looks up, then writes.
#[workflow]
async fn notify(ctx: &WorkflowContext, user_id: String) -> Result<String> {
    let user = ctx.step(fetch_user(user_id)).await?;
    Ok(ctx.step(send_email(user, "Welcome!".into())).await?)
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(fetch_user).register(send_email).register(notify)
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

    #[tokio::test]
    async fn whatever_happens_the_mail_has_one_key() {
        let trial = Trial::of(|| TestEngine::of(worker()), || notify("u-1".into()));
        let sent = "`Welcome!` to Ada under the key send_email#1";
        trial.fail_each_step(|failed| assert!(failed.run.result.is_err())).await;
        trial.repeat_each_step(|repeated| assert_eq!(repeated.run.output(), sent)).await;
        trial.crash_at_each_append(|crashed| assert_eq!(crashed.run.output(), sent)).await;
    }
}
