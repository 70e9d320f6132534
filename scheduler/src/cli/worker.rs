//! `piton worker …`

use clap::Subcommand;
use serde_json::Value;

use super::{
    CliError, Console, Exit,
    screen::{Screen, clock, items, number, text, words},
};

#[derive(Debug, Subcommand)]
pub(super) enum Worker {
    /// List the workers that live, and those that ended in the last minutes.
    List,
}

impl Worker {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::List => {
                let workers = console.client()?.get("/v1/workers").await?;
                console.screen.show(&workers, list)?;
                Ok(Exit::Done)
            }
        }
    }
}

fn list(screen: Screen, answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "workers").iter().map(|worker| row(screen, worker)).collect();
    if rows.is_empty() {
        return "no workers: runs wait until one is started with the workflows they need\n".into();
    }
    screen.table(&["WORKER", "STATE", "BUILD", "RUNS", "FUNCTIONS", "BEAT", "QUEUES", "WORKFLOWS"], rows)
}

fn row(screen: Screen, worker: &Value) -> Vec<String> {
    let state = if text(worker, "ended_at").is_empty() { text(worker, "intent") } else { "gone" };
    let busy =
        |slots, free| format!("{}/{}", (number(worker, slots) - number(worker, free)).max(0), number(worker, slots));
    let build = text(worker, "build");
    vec![
        text(worker, "name").to_owned(),
        screen.state(state),
        if build.is_empty() { "-" } else { build }.to_owned(),
        format!("{}/{}", number(worker, "runs_held"), number(worker, "run_slots")),
        busy("step_slots", "free_step_slots"),
        clock(text(worker, "heartbeat_at")),
        words(worker, "queues"),
        words(worker, "workflows"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;
    use serde_json::json;

    #[test]
    fn workers_are_a_table() {
        let worker = |name: &str, ended: Option<&str>| {
            json!({
                "name": name, "build": null, "queues": ["default", "gpu"], "workflows": ["order", "refund"],
                "run_slots": 1000, "runs_held": 3, "step_slots": 100, "free_step_slots": 97, "intent": "working",
                "heartbeat_at": "2026-11-21T10:00:00.250000Z", "ended_at": ended,
            })
        };
        let answer =
            json!({"workers": [worker("host-1", None), worker("host-2", Some("2026-11-21T10:00:00.250000Z"))]});
        insta::assert_snapshot!(list(PLAIN, &answer));
        insta::assert_snapshot!(list(PLAIN, &json!({"workers": []})));
    }
}
