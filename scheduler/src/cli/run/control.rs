//! `piton run cancel`, `kill`, `pause` and `resume`

use std::time::Duration;

use serde_json::{Value, json};

use super::show::path;
use crate::api::time;
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Cancel {
    /// The run's id.
    id: String,
    /// Why; stands in the journal and in the failure.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Kill {
    /// The run's id.
    id: String,
    /// How long to wait until its worker has confirmed that no step of it starts any more.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::duration)]
    wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Pause {
    /// The run's id.
    id: String,
    /// How long to wait until everybody who works on it has confirmed that nothing new starts.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time::duration)]
    wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Resume {
    /// The run's id.
    id: String,
}

impl Cancel {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let body = self.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
        order(console, &format!("{}/cancel", path(&self.id)), &body).await
    }
}

impl Kill {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let path = format!("{}/kill?wait={}", path(&self.id), self.wait.as_secs_f64());
        order(console, &path, &json!({})).await
    }
}

impl Pause {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let path = format!("{}/pause?wait={}", path(&self.id), self.wait.as_secs_f64());
        order(console, &path, &json!({})).await
    }
}

impl Resume {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        order(console, &format!("{}/resume", path(&self.id)), &json!({})).await
    }
}

async fn order(console: &Console, path: &str, body: &Value) -> Result<Exit, CliError> {
    let answer = console.client()?.post(path, body).await?;
    console.screen.show(&answer, outcome)?;
    Ok(Exit::Done)
}

fn outcome(screen: Screen, answer: &Value) -> String {
    format!("{}: {}\n", screen.bold(text(answer, "outcome")), text(answer, "detail"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn an_outcome_is_a_sentence() {
        let answer = json!({"outcome": "requested", "detail": "the workflow sees it at its next await"});
        insta::assert_snapshot!(outcome(PLAIN, &answer), @"requested: the workflow sees it at its next await");
    }
}
