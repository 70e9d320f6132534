//! `piton event publish` and `replay`

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::path;
use crate::{
    api::time,
    cli::{
        CliError, Console, Exit,
        run::{ended, exit_of, json_of},
        screen::{Screen, items, text},
    },
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Publish {
    /// Its name: segments with dots between them, as in `user.signed_up`.
    name: String,
    /// What it is about: JSON, `@FILE`, or `-` for standard input. Null when not said.
    #[arg(long, value_name = "JSON|@FILE|-")]
    data: Option<String>,
    /// Your own id of it: the same id within a week is the same event.
    #[arg(long)]
    id: Option<String>,
    /// Wait for the end of the runs that it starts, 30 s when no time is said. Exits with 1 if one fails, with 6 if one still
    /// goes on.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = time::duration)]
    wait: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Replay {
    /// The event's id.
    id: String,
    /// Start this workflow only.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// A word of yours, which becomes the new event's own id: the same word within a week is the same replay, and starts
    /// nothing again.
    #[arg(long)]
    key: Option<String>,
}

impl Publish {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name));
        if let Some(data) = &self.data {
            body.insert("data".into(), json_of(data, "--data")?);
        }
        if let Some(id) = &self.id {
            body.insert("id".into(), json!(id));
        }
        let client = console.client()?;
        let answer = client.post("/v1/events", &Value::Object(body)).await?;
        console.screen.show(&answer, published)?;
        let Some(wait) = self.wait else {
            return Ok(Exit::Done);
        };
        let mut exit = Exit::Done;
        for run in items(&answer, "events").iter().flat_map(|event| items(event, "runs")) {
            let run = ended(&client, console.screen, text(run, "id"), wait).await?;
            console.screen.show(&run, ended_line)?;
            if exit == Exit::Done {
                exit = exit_of(&run);
            }
        }
        Ok(exit)
    }
}

impl Replay {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let body = self.workflow.map_or_else(|| json!({}), |name| json!({ "workflow": name }));
        let replay = format!("{}/replay", path(&self.id));
        let answer = console.client()?.submit(&replay, &body, self.key.as_deref()).await?;
        console.screen.show(&answer, published)?;
        Ok(Exit::Done)
    }
}

/// What a publish came to.
fn published(screen: Screen, answer: &Value) -> String {
    items(answer, "events").iter().map(|event| one(screen, event)).collect()
}

fn one(screen: Screen, event: &Value) -> String {
    let known = if text(event, "outcome") == "duplicate" { ", published before" } else { "" };
    let mut lines = vec![format!("event {}{known}\n", screen.bold(text(event, "id")))];
    let runs = items(event, "runs");
    for run in runs {
        lines.push(format!("started {} {}\n", text(run, "workflow"), screen.bold(text(run, "id"))));
    }
    if text(event, "matching") == "owed" {
        lines.push("it is accepted and not matched yet: `piton event show` says what comes of it\n".to_owned());
    } else if runs.is_empty() {
        lines.push(
            screen.dim("it started nothing: `piton event show` says why, `piton trigger list` what would") + "\n",
        );
    }
    lines.concat()
}

fn ended_line(screen: Screen, run: &Value) -> String {
    format!("{} {} {}\n", text(run, "workflow"), text(run, "id"), screen.state(text(run, "state")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn what_is_published_is_told() {
        let event = |outcome: &str, matching: &str, runs: Value| json!({"id": "0197", "name": "order.paid", "outcome": outcome, "matching": matching, "runs": runs});
        let runs = json!([{"id": "0198", "workflow": "mail"}, {"id": "0199", "workflow": "ship"}]);
        let answer = json!({"events": [
            event("accepted", "done", runs.clone()),
            event("duplicate", "done", runs),
            event("accepted", "owed", json!([])),
            event("accepted", "done", json!([])),
        ]});
        insta::assert_snapshot!(published(PLAIN, &answer));
        let run = json!({"id": "0198", "workflow": "mail", "state": "completed"});
        insta::assert_snapshot!(ended_line(PLAIN, &run), @"mail 0198 completed");
    }
}
