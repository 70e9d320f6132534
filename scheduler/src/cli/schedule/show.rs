//! `piton schedule show`, and how a schedule is shown.

use serde_json::Value;

use super::{list::is_orphaned, path};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, items, second, text, words},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The schedule's name.
    name: String,
}

impl Show {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let schedule = console.client()?.get(&path(&self.name)).await?;
        console.screen.show(&schedule, self::schedule)?;
        Ok(Exit::Done)
    }
}

/// Everything of a schedule.
pub(super) fn schedule(screen: Screen, schedule: &Value) -> String {
    let said = |name: &str| text(schedule, name).to_owned();
    let state = match text(schedule, "paused_at") {
        "" => screen.state(text(schedule, "state")),
        since => format!("{} since {}", screen.state("paused"), second(since)),
    };
    let by = if text(schedule, "origin") == "declared" { "declared beside its workflow" } else { "made by the API" };
    let mut lines = vec![
        ("schedule", screen.bold(text(schedule, "name"))),
        ("state", state),
        ("workflow", said("workflow")),
        ("cron", format!("{}  {}", text(schedule, "expression"), screen.dim(text(schedule, "description")))),
        ("zone", said("time_zone")),
        ("overlap", said("overlap")),
        ("catch up", said("catch_up")),
        ("origin", by.to_owned()),
    ];
    if is_orphaned(schedule) {
        let since = second(text(schedule, "orphaned_since"));
        lines.push(("orphaned", format!("since {since} no worker has the workflow: it is gone from the code")));
        lines.push(("", format!("piton schedule remove {} --force removes it", text(schedule, "name"))));
    }
    let jitter = schedule.get("jitter").and_then(Value::as_f64).unwrap_or(0.0);
    if jitter > 0.0 {
        lines.push(("jitter", format!("up to {jitter} s")));
    }
    if text(schedule, "queue") != "default" {
        lines.push(("queue", said("queue")));
    }
    for name in ["build", "last_run_id"] {
        if !text(schedule, name).is_empty() {
            lines.push((if name == "build" { name } else { "last run" }, said(name)));
        }
    }
    if !words(schedule, "tags").is_empty() {
        lines.push(("tags", words(schedule, "tags")));
    }
    if let Some(input) = schedule.get("input").filter(|input| !input.is_null()) {
        lines.push(("input", screen.cut(&input.to_string())));
    }
    for (name, member) in [("waiting", "waiting_at"), ("last", "last_at")] {
        let at = second(text(schedule, member));
        if !at.is_empty() {
            lines.push((name, at));
        }
    }
    for (place, next) in items(schedule, "next").iter().enumerate() {
        let line = format!("{}  {}", text(next, "local"), screen.dim(&second(text(next, "fires_at"))));
        lines.push((if place == 0 { "next" } else { "" }, line));
    }
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn everything_of_a_schedule_is_shown() {
        let all = json!({
            "name": "morning", "workflow": "report", "queue": "gpu", "build": "v7", "expression": "0 9 * * 1-5",
            "description": "At 09:00, on Monday.", "time_zone": "Europe/Berlin", "overlap": "queue", "catch_up": "all", "jitter": 90.5,
            "input": {"a": 1}, "tags": ["x", "y"], "origin": "declared", "state": "active", "paused_at": null,
            "next": [
                {"local": "Fri 2026-11-27 09:00:00 +01:00", "fires_at": "2026-11-27T08:00:01.000000Z"},
                {"local": "Mon 2026-11-30 09:00:00 +01:00", "fires_at": "2026-11-30T08:00:07.000000Z"},
            ],
            "last_at": "2026-11-26T08:00:00.000000Z", "last_run_id": "0197", "waiting_at": "2026-11-26T08:00:00.000000Z",
        });
        insta::assert_snapshot!(schedule(PLAIN, &all));
        let paused = json!({
            "name": "nightly", "workflow": "backup", "queue": "default", "expression": "@daily", "description": "At 00:00.",
            "time_zone": "UTC", "overlap": "allow", "catch_up": "one", "jitter": 0.0, "input": null, "tags": [], "origin": "api",
            "state": "paused", "paused_at": "2026-11-26T08:00:00.000000Z", "next": [], "orphaned_since": "2026-11-22T10:00:00.000000Z",
        });
        insta::assert_snapshot!(schedule(PLAIN, &paused));
    }
}
