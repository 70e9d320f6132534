//! `piton run get`, and how a run is shown.

use serde_json::Value;

use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, between, number, second, text, words},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// The run's id.
    id: String,
}

impl Get {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let run = console.client()?.get(&path(&self.id)).await?;
        console.screen.show(&run, self::run)?;
        Ok(Exit::Done)
    }
}

/// The address of a run. What is no id becomes one that the server refuses, and nothing else.
pub(in crate::cli) fn path(id: &str) -> String {
    let safe: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("/v1/runs/{safe}")
}

/// A run that was just started.
pub(super) fn started(screen: Screen, run: &Value) -> String {
    let id = text(run, "id");
    let waiting = waiting(run).map(|detail| format!("{}\n", screen.bold(&format!("warning: {detail}"))));
    format!(
        "{id}  {}  {}\n{}{}\n",
        text(run, "workflow"),
        screen.state(text(run, "state")),
        waiting.unwrap_or_default(),
        screen.dim(&format!("follow it with: piton run watch {id}"))
    )
}

/// Everything of a run.
pub(super) fn run(screen: Screen, run: &Value) -> String {
    let mut lines = vec![
        ("run", screen.bold(text(run, "id"))),
        ("workflow", text(run, "workflow").to_owned()),
        ("state", standing(screen, run)),
    ];
    let mut maybe = |name, value: String| {
        if !value.is_empty() {
            lines.push((name, value));
        }
    };
    if text(run, "queue") != "default" {
        maybe("queue", text(run, "queue").to_owned());
    }
    maybe("build", text(run, "build").to_owned());
    maybe("session", text(run, "session_id").to_owned());
    maybe("tags", words(run, "tags"));
    maybe("created", second(text(run, "created_at")));
    maybe("started", second(text(run, "started_at")));
    maybe("finished", second(text(run, "finished_at")));
    if !text(run, "finished_at").is_empty() {
        maybe("took", between(text(run, "created_at"), text(run, "finished_at")));
    }
    maybe("paused", second(text(run, "paused_at")));
    maybe("cancel asked", second(text(run, "cancel_requested_at")));
    maybe("worker", text(run, "worker_id").to_owned());
    if number(run, "attempts") > 1 {
        maybe("attempts", number(run, "attempts").to_string());
    }
    if number(run, "strikes") > 0 {
        maybe("strikes", number(run, "strikes").to_string());
    }
    for name in ["input", "result"] {
        maybe(
            name,
            run.get(name).map(|value| format!("{value:#}").replace('\n', "\n              ")).unwrap_or_default(),
        );
    }
    maybe("waiting", waiting(run).unwrap_or_default().to_owned());
    maybe("failure", run.get("failure").map(failure).unwrap_or_default());
    maybe("parked", run.get("parked").map(|parked| text(parked, "detail").to_owned()).unwrap_or_default());
    if text(run, "state") == "parked" {
        maybe("", screen.dim(&format!("once it is mended: piton run resume {}", text(run, "id"))));
    } else if !text(run, "paused_at").is_empty() {
        maybe("", screen.dim(&format!("to let it go on: piton run resume {}", text(run, "id"))));
    }
    maybe("given away", run.get("dispatched").map(given_away).unwrap_or_default());
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<13} {value}\n")).collect();
    lines.concat()
}

/// Why a run waits, if it is not for room.
fn waiting(run: &Value) -> Option<&str> {
    run.get("waiting").map(|waiting| text(waiting, "detail"))
}

/// Where a run stands, and whether it is held back.
pub(super) fn standing(screen: Screen, run: &Value) -> String {
    let state = screen.state(text(run, "state"));
    if text(run, "paused_at").is_empty() { state } else { format!("{state} (paused)") }
}

/// The open steps that others execute, one a line.
fn given_away(dispatched: &Value) -> String {
    let steps = dispatched.get("steps").and_then(Value::as_array).into_iter().flatten();
    let line = |step: &Value| {
        let by = match text(step, "worker_id") {
            "" => String::new(),
            worker => format!(" by {worker}"),
        };
        let (key, status, queue) = (text(step, "key"), text(step, "status"), text(step, "queue"));
        format!(
            "{key}  {status}{by} since {}, queue {queue}, try {}",
            second(text(step, "since")),
            number(step, "try_number")
        )
    };
    let mut lines: Vec<_> = steps.map(line).collect();
    if dispatched.get("more").and_then(Value::as_bool) == Some(true) {
        lines.push("and more".to_owned());
    }
    lines.join("\n              ")
}

/// A failure and its causes, in one line.
pub(in crate::cli) fn failure(failure: &Value) -> String {
    let chain = failure.get("chain").and_then(Value::as_array).into_iter().flatten();
    let mut words = vec![text(failure, "message")];
    words.extend(chain.filter_map(Value::as_str));
    words.retain(|word| !word.is_empty());
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;
    use serde_json::json;

    #[test]
    fn a_completed_run() {
        insta::assert_snapshot!(run(
            PLAIN,
            &json!({
                "id": "0197", "workflow": "order", "queue": "default", "build": null, "session_id": "s-1",
                "tags": ["vip", "eu"], "state": "completed", "attempts": 2, "strikes": 0,
                "created_at": "2026-11-21T10:00:00.000000Z", "started_at": "2026-11-21T10:00:00.100000Z",
                "finished_at": "2026-11-21T10:00:02.500000Z", "cancel_requested_at": null, "worker_id": null,
                "input": {"order": 7}, "result": ["shipped"], "failure": null, "parked": null,
            })
        ));
    }

    #[test]
    fn a_run_that_no_worker_can_take_says_so() {
        let waiting = json!({ "reason": "no_worker", "detail": "no live worker has it" });
        let of = json!({ "id": "0197", "workflow": "ordr", "state": "backlog", "waiting": waiting });
        let shown = started(PLAIN, &of);
        assert!(shown.contains("\nwarning: no live worker has it\n"), "{shown}");
        assert!(run(PLAIN, &of).contains("waiting       no live worker has it\n"), "{}", run(PLAIN, &of));
    }

    #[test]
    fn a_parked_run_says_how_to_go_on() {
        insta::assert_snapshot!(run(
            PLAIN,
            &json!({
                "id": "0197", "workflow": "order", "queue": "gpu", "state": "parked", "tags": [], "attempts": 1,
                "strikes": 3, "created_at": "2026-11-21T10:00:00.000000Z",
                "parked": {"code": "poison", "detail": "a worker's lease ended 3 times in a row while it held the run"},
            })
        ));
    }

    #[test]
    fn a_paused_run_says_so_and_what_others_execute() {
        insta::assert_snapshot!(run(
            PLAIN,
            &json!({
                "id": "0197", "workflow": "order", "queue": "default", "state": "suspended", "tags": [], "attempts": 1,
                "strikes": 0, "created_at": "2026-11-21T10:00:00.000000Z", "paused_at": "2026-11-21T10:00:05.000000Z",
                "parked": null, "dispatched": {"more": true, "steps": [
                    {"key": "parallel#1/0/scan#1", "name": "scan", "queue": "gpu", "status": "executing",
                     "since": "2026-11-21T10:00:01.000000Z", "try_number": 2, "worker_id": "0198"},
                    {"key": "parallel#1/1/scan#1", "name": "scan", "queue": "gpu", "status": "paused",
                     "since": "2026-11-21T10:00:01.000000Z", "try_number": 1, "worker_id": null},
                ]},
            })
        ));
    }

    #[test]
    fn a_failure_has_its_causes() {
        let value = json!({"message": "charging", "chain": ["declined", "no funds"]});
        assert_eq!(failure(&value), "charging: declined: no funds");
    }

    #[test]
    fn a_path_has_one_segment() {
        assert_eq!(path("../keys?x"), "/v1/runs/___keys_x");
    }
}
