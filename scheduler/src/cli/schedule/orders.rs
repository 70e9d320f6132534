//! `piton schedule pause`, `resume`, `trigger` and `remove`

use serde_json::{Value, json};

use super::{path, show};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Pause {
    /// The schedule's name.
    name: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Resume {
    /// The schedule's name.
    name: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Trigger {
    /// The schedule's name.
    name: String,
    /// An idempotency key: the same key starts one run, however often it is sent.
    #[arg(long)]
    key: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    /// The schedule's name.
    name: String,
    /// Also one that is declared beside a workflow. A worker that still declares it brings it back when it starts.
    #[arg(long)]
    force: bool,
}

impl Pause {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let schedule = console.client()?.post(&format!("{}/pause", path(&self.name)), &json!({})).await?;
        console.screen.show(&schedule, show::schedule)?;
        Ok(Exit::Done)
    }
}

impl Resume {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let schedule = console.client()?.post(&format!("{}/resume", path(&self.name)), &json!({})).await?;
        console.screen.show(&schedule, show::schedule)?;
        Ok(Exit::Done)
    }
}

impl Trigger {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let path = format!("{}/trigger", path(&self.name));
        let run = console.client()?.submit(&path, &json!({}), self.key.as_deref()).await?;
        console.screen.show(&run, triggered)?;
        Ok(Exit::Done)
    }
}

impl Remove {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let force = if self.force { "?force=true" } else { "" };
        console.client()?.delete(&format!("{}{force}", path(&self.name))).await?;
        console
            .screen
            .show(&json!({ "name": self.name, "removed": true }), |_, _| format!("removed {}\n", self.name))?;
        Ok(Exit::Done)
    }
}

fn triggered(screen: Screen, run: &Value) -> String {
    let id = text(run, "id");
    format!("{}\n{}\n", id, screen.dim(&format!("piton run get {id} shows it, piton run watch {id} follows it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn what_was_triggered_is_a_run() {
        insta::assert_snapshot!(triggered(PLAIN, &json!({"id": "0197"})));
    }
}
