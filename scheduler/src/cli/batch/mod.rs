//! `piton batch …`

mod results;
mod show;
mod submit;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, Subcommand)]
pub(super) enum Batch {
    /// Run a function over many items, and wait for the end if asked to.
    Submit(submit::Submit),
    /// Show how a batch stands.
    Show(show::Show),
    /// List the batches that a workflow's run has made.
    List(show::List),
    /// Show what the items came to, in their order.
    Results(results::Results),
    /// End a batch: what is under way is dropped, the rest never starts.
    Cancel(Cancel),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Cancel {
    /// The batch's id.
    id: String,
    /// Why; stands in the failure of its run.
    #[arg(long)]
    reason: Option<String>,
}

/// Which batch is meant.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The id of a batch that was submitted, or of the run that made it.
    id: String,
    /// The batch's key in that run: `batch#1`.
    #[arg(long)]
    key: Option<String>,
}

impl Batch {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Submit(submit) => submit.run(console).await,
            Self::Show(show) => show.run(console).await,
            Self::List(list) => list.run(console).await,
            Self::Results(results) => results.run(console).await,
            Self::Cancel(cancel) => cancel.run(console).await,
        }
    }
}

impl Cancel {
    async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let body = self.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
        let answer = console.client()?.post(&format!("{}/cancel", path(&self.id)), &body).await?;
        console.screen.show(&answer, cancelled)?;
        Ok(Exit::Done)
    }
}

impl Which {
    fn path(&self) -> String {
        match &self.key {
            None => path(&self.id),
            Some(key) => format!("{}/batches/{}", run_path(&self.id), crate::api::escape(key)),
        }
    }
}

fn cancelled(screen: Screen, answer: &Value) -> String {
    format!("{}: nothing of the batch starts any more\n", screen.bold(text(answer, "outcome")))
}

/// What is no id becomes one that the server refuses, and nothing else.
fn segment(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn path(id: &str) -> String {
    format!("/v1/batches/{}", segment(id))
}

fn run_path(id: &str) -> String {
    format!("/v1/runs/{}", segment(id))
}

/// What the exit code says of a batch that was waited for.
fn exit_of(batch: &Value) -> Exit {
    match text(batch, "status") {
        "completed" => Exit::Done,
        "partial_failure" | "failed" | "cancelled" => Exit::RunFailed,
        _ => Exit::StillRunning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn a_batch_is_named_by_its_id_or_by_its_run_and_key() {
        let which = |key: Option<&str>| Which { id: "../x".into(), key: key.map(Into::into) };
        assert_eq!(which(None).path(), "/v1/batches/___x");
        assert_eq!(which(Some("a/batch#1")).path(), "/v1/runs/___x/batches/a%2Fbatch%231");
    }

    #[test]
    fn exits_follow_the_status() {
        for (status, exit) in [
            ("completed", Exit::Done),
            ("partial_failure", Exit::RunFailed),
            ("failed", Exit::RunFailed),
            ("cancelled", Exit::RunFailed),
            ("running", Exit::StillRunning),
        ] {
            assert_eq!(exit_of(&json!({ "status": status })), exit);
        }
    }

    #[test]
    fn a_cancel_says_what_it_means() {
        let shown = cancelled(PLAIN, &json!({ "outcome": "cancelled" }));
        insta::assert_snapshot!(shown, @"cancelled: nothing of the batch starts any more");
    }
}
