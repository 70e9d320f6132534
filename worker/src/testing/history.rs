//! Histories of real runs, replayed by the code of today.

use piton_shared::{
    codec,
    failure::Failure,
    history::{FORMAT, History},
    ids::RunId,
    journal::Payload,
    parked::Parked,
    replay::{Fetch, Machine, Turn},
    state::RunState,
};
use serde::Deserialize;

use super::{retell::retell, story::told};
use crate::{Registry, Run};

/// A history that today's code replays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// The run.
    pub run_id: RunId,
    /// The workflow's wire name.
    pub workflow: String,
    /// Rows that were replayed.
    pub rows: usize,
    /// Where the run stood when it was exported.
    pub state: RunState,
}

/// Why a history does not replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It is no history, or a part of one.
    #[error("this is no history of a run: {detail}; export one with `piton run export ID > run.json`")]
    Unreadable {
        /// What is wrong with it, and where.
        detail: String,
    },
    /// It is written in a form of another version.
    #[error("this history is written as `{found}`, and this version of Piton reads `{FORMAT}`: export it anew")]
    Format {
        /// Its form.
        found: String,
    },
    /// The workflow is not registered.
    #[error("workflow `{workflow}` is not registered: a renamed one keeps its wire name with `name = \"{workflow}\"`")]
    Unregistered {
        /// Its wire name.
        workflow: String,
    },
    /// The run would park: with a mismatch and its difference, or a value that today's types cannot read.
    #[error("run {run_id} of `{workflow}` would park: {reason}")]
    Parks {
        /// The run.
        run_id: RunId,
        /// The workflow's wire name.
        workflow: String,
        /// Why.
        reason: Parked,
    },
    /// It goes another way: its end is not the one that was recorded.
    #[error("run {run_id} of `{workflow}` ended with {recorded}, and with today's code it {now}")]
    EndsOtherwise {
        /// The run.
        run_id: RunId,
        /// The workflow's wire name.
        workflow: String,
        /// How it ended.
        recorded: String,
        /// What it does now.
        now: String,
    },
}

/// Only what has to be known before the rest can be read.
#[derive(Deserialize)]
struct Form {
    format: String,
}

/// Replays a run that really happened, exported with `piton run export ID > run.json`, by the code of today. In CI it
/// holds every change of a workflow against the runs that are under way.
///
/// No function is called. A run that had not ended is replayed as far as it was.
///
/// ```
/// use piton::{prelude::*, testing};
///
/// #[function]
/// async fn double(number: u64) -> Result<u64> {
///     Ok(number * 2)
/// }
///
/// #[workflow]
/// async fn doubled(ctx: &WorkflowContext, number: u64) -> Result<u64> {
///     Ok(ctx.step(double(number)).await?)
/// }
///
/// # fn main() -> Result<(), piton::BuildError> {
/// # let history = r#"{"format": "piton.history/1", "run": {"id": "0197a4f2-0000-7000-8000-000000000001",
/// #   "workflow": "doubled", "state": "completed", "seed": "0197a4f2-0000-7000-8000-000000000001",
/// #   "created_at": 1767225600000000, "input": 4, "result": 8},
/// #   "journal": [{"key": "double#1", "kind": "step", "name": "double", "place": {"own": {"number": 1, "after": 0}},
/// #     "input": 4, "result": 8, "try_number": 1, "started_at": 1767225600000001, "finished_at": 1767225600000002}]}"#;
/// let worker = Worker::builder().register(double).register(doubled).build()?;
/// // let history = include_str!("run.json");
/// testing::replay(worker.registry(), history).unwrap();
/// # let changed = history.replace("\"input\": 4, \"result\": 8, \"try", "\"input\": 5, \"result\": 8, \"try");
/// # let error = testing::replay(worker.registry(), &changed).unwrap_err();
/// # assert!(error.to_string().contains("recorded step double with input = 5, asked step double with input = 4"), "{error}");
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`ReplayError`] says where today's code parts from what was recorded, and what to do.
pub fn replay(registry: &Registry, history: &str) -> Result<Replayed, ReplayError> {
    let unreadable = |error: &dyn std::fmt::Display| ReplayError::Unreadable { detail: error.to_string() };
    let form: Form = serde_json::from_str(history).map_err(|error| unreadable(&error))?;
    if form.format != FORMAT {
        return Err(ReplayError::Format { found: form.format });
    }
    let history: History = serde_json::from_str(history).map_err(|error| unreadable(&error))?;
    let entries = history.entries().map_err(|error| unreadable(&error))?;
    let input = codec::from_json(&history.run.input).map_err(|error| unreadable(&error))?;
    let (run_id, name) = (history.run.id, history.run.workflow.clone());
    let parks = |reason| ReplayError::Parks { run_id, workflow: name.clone(), reason };
    let Some(workflow) = registry.workflow(&name) else {
        return Err(ReplayError::Unregistered { workflow: name });
    };
    let body = workflow.body(Run { id: run_id, workflow: workflow.name().into() }, &input).map_err(parks)?;
    let machine = Machine::new(history.run.seed, history.run.created_at, body);
    let results = |fetch: &Fetch| history.results(fetch);
    let turn = retell(machine, &entries, results).map_err(|error| unreadable(&error))?;
    let now = match turn {
        Turn::Parked(reason) => return Err(parks(reason)),
        Turn::Ended(now) => Some(now),
        Turn::Waiting(_) => None,
    };
    let recorded = recorded_end(&history)?;
    match (recorded, now) {
        (Some(recorded), now) if now.as_ref() != Some(&recorded) => Err(ReplayError::EndsOtherwise {
            run_id,
            workflow: name,
            recorded: told(&recorded),
            now: now.as_ref().map_or_else(|| "waits".to_owned(), |now| format!("ends with {}", told(now))),
        }),
        _ => Ok(Replayed { run_id, workflow: name, rows: entries.len(), state: history.run.state }),
    }
}

/// How the run ended by itself, if it did.
fn recorded_end(history: &History) -> Result<Option<Result<Payload, Failure>>, ReplayError> {
    let unreadable = |detail: String| ReplayError::Unreadable { detail };
    let missing = || unreadable(format!("a run that is {} has no end", history.run.state));
    Ok(match history.run.state {
        RunState::Completed => {
            let result = history.run.result.clone().unwrap_or_default();
            Some(Ok(codec::from_json(&result).map_err(|error| unreadable(error.to_string()))?))
        }
        // One that never began was cancelled without its workflow.
        RunState::Cancelled if history.journal.is_empty() => None,
        RunState::Failed | RunState::Cancelled => Some(Err(history.run.failure.clone().ok_or_else(missing)?)),
        RunState::Backlog
        | RunState::Queued
        | RunState::Running
        | RunState::Suspended
        | RunState::Parked
        | RunState::Killed => None,
    })
}
