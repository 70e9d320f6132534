//! `piton run …`

mod control;
mod export;
mod list;
mod progress;
mod show;
mod start;
mod watch;

use clap::Subcommand;
use serde_json::Value;

use super::{CliError, Console, Exit, screen::text};

pub(super) use self::{
    show::{failure, path},
    start::{ended, input_of, json_of, json_text, source},
};

#[derive(Debug, Subcommand)]
pub(super) enum Run {
    /// Start a run, and wait for its end if asked to.
    Start(start::Start),
    /// Show a run: where it stands, its input and its result.
    Get(show::Get),
    /// List runs, newest first.
    List(list::List),
    /// Follow a run until its end, printing what it is told as it is told.
    ///
    /// A server that goes away meanwhile is asked again every second, and tells what was missed. After 30 seconds without
    /// an answer it is given up (exit code 5).
    Watch(watch::Watch),
    /// Show what a run keeps as long as it lives.
    State(super::state::OfRun),
    /// Print a run and its journal as one JSON document, for tests that replay it by today's code.
    Export(export::Export),
    /// Ask a run to stop: the workflow sees it at its next await and may clean up.
    Cancel(control::Cancel),
    /// Stop a run by force: from then on no result of it is accepted.
    Kill(control::Kill),
    /// Hold a run back: what is under way ends, nothing new starts until it is resumed.
    Pause(control::Pause),
    /// Let a parked or paused run go on.
    Resume(control::Resume),
}

impl Run {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Start(start) => start.run(console).await,
            Self::Get(get) => get.run(console).await,
            Self::List(list) => list.run(console).await,
            Self::Watch(watch) => watch.run(console).await,
            Self::State(state) => state.run(console).await,
            Self::Export(export) => export.run(console).await,
            Self::Cancel(cancel) => cancel.run(console).await,
            Self::Kill(kill) => kill.run(console).await,
            Self::Pause(pause) => pause.run(console).await,
            Self::Resume(resume) => resume.run(console).await,
        }
    }
}

/// What the exit code says of a run that was waited for.
pub(super) fn exit_of(run: &Value) -> Exit {
    match text(run, "state") {
        "completed" => Exit::Done,
        "failed" | "cancelled" | "killed" => Exit::RunFailed,
        _ => Exit::StillRunning,
    }
}

/// Whether waiting longer is of no use: it has ended, or it waits for a person.
fn is_settled(run: &Value) -> bool {
    is_over(run) || run.get("state").and_then(Value::as_str) == Some("parked")
}

fn is_over(run: &Value) -> bool {
    match exit_of(run) {
        Exit::Done | Exit::RunFailed => true,
        Exit::Usage | Exit::NotFound | Exit::Refused | Exit::Unavailable | Exit::StillRunning => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wait_ends_with_the_run_and_where_a_person_is_needed() {
        for state in ["completed", "failed", "cancelled", "killed", "parked"] {
            assert!(is_settled(&json!({ "state": state })), "{state}");
        }
        for state in ["backlog", "queued", "running", "suspended"] {
            assert!(!is_settled(&json!({ "state": state })), "{state}");
        }
        assert!(!is_over(&json!({ "state": "parked" })), "it can be resumed, and is followed until then");
    }
}
