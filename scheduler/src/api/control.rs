//! Cancelling, killing, pausing and resuming runs.

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use piton_shared::{ids::RunId, state::RunState};
use serde::Serialize;
use uuid::Uuid;

use super::{
    access::Caller,
    body::MaybeJson,
    code::Code,
    fields::{Fields, check_text},
    limits,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    view::{run_path, wait_path},
};
use crate::engine::{Cancelled, Killed, Paused, Resumed};

/// What an order came to.
#[derive(Debug, Serialize)]
struct OutcomeView {
    run_id: Uuid,
    outcome: &'static str,
    detail: &'static str,
    links: OutcomeLinks,
}

#[derive(Debug, Serialize)]
struct OutcomeLinks {
    run: String,
    wait: String,
}

fn outcome(status: StatusCode, run: RunId, outcome: &'static str, detail: &'static str) -> Response {
    let run_id = run.uuid();
    let view =
        OutcomeView { run_id, outcome, detail, links: OutcomeLinks { run: run_path(run_id), wait: wait_path(run_id) } };
    (status, axum::Json(view)).into_response()
}

fn ended(run: RunId, state: RunState, wanted: &str) -> Problem {
    Problem::new(Code::RunEnded, format!("run {run} is {state} and can no longer be {wanted}"))
        .with("run_id", run.to_string())
        .with("state", state.as_str())
}

/// `POST /v1/runs/{id}/cancel`.
pub(super) async fn cancel(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
    MaybeJson(body): MaybeJson,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let reason = match body {
        None => None,
        Some(body) => {
            let mut fields = Fields::new(body)?;
            let reason = fields.checked("reason", |reason| check_text(&reason, limits::TEXT_BYTES).map(|()| reason));
            fields.finish()?;
            reason
        }
    };
    let reason = reason.as_deref().unwrap_or("somebody asked over the API");
    let run = RunId::new(id);
    let cancelled =
        door.in_time(door.engine.cancel(run, &org, reason)).await?.ok_or_else(|| Problem::unknown_run(run))?;
    match cancelled {
        Cancelled::Cancelled => Ok(outcome(StatusCode::OK, run, "cancelled", "the run had not begun and never will")),
        Cancelled::Requested => Ok(outcome(
            StatusCode::ACCEPTED,
            run,
            "requested",
            "the workflow sees it at its next await and may clean up before it ends",
        )),
        Cancelled::Ended(RunState::Cancelled) => {
            Ok(outcome(StatusCode::OK, run, "cancelled", "the run was cancelled before"))
        }
        Cancelled::Ended(state) => Err(ended(run, state, "cancelled")),
    }
}

/// `POST /v1/runs/{id}/kill`.
pub(super) async fn kill(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let wait = parameters.wait()?.unwrap_or(limits::KILL_CONFIRM);
    parameters.finish()?;
    let run = RunId::new(id);
    let killed = door.engine.kill(run, &org, wait).await?.ok_or_else(|| Problem::unknown_run(run))?;
    match killed {
        Killed::Confirmed => Ok(outcome(
            StatusCode::OK,
            run,
            "confirmed",
            "no result of the run is accepted and no step of it starts any more",
        )),
        Killed::Committed => Ok(outcome(
            StatusCode::ACCEPTED,
            run,
            "committed",
            "no result of the run is accepted; its worker has not yet said that it has stopped, and has until its lease ends",
        )),
        Killed::Ended(RunState::Killed) => {
            Ok(outcome(StatusCode::OK, run, "killed_before", "the run was killed before: no result of it is accepted"))
        }
        Killed::Ended(state) => Err(ended(run, state, "killed")),
    }
}

/// `POST /v1/runs/{id}/pause`.
pub(super) async fn pause(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let wait = parameters.wait()?.unwrap_or(limits::KILL_CONFIRM);
    parameters.finish()?;
    let run = RunId::new(id);
    let paused = door.engine.pause(run, &org, wait).await?.ok_or_else(|| Problem::unknown_run(run))?;
    match paused {
        Paused::Confirmed => Ok(outcome(
            StatusCode::OK,
            run,
            "paused",
            "no new step of the run starts until it is resumed; what was under way ends and is kept",
        )),
        Paused::Committed => Ok(outcome(
            StatusCode::ACCEPTED,
            run,
            "committed",
            "nothing of the run is given to anybody; not everybody who works on it has said that nothing new starts",
        )),
        Paused::Before => Ok(outcome(StatusCode::OK, run, "paused_before", "the run was paused before")),
        Paused::Ended(state) => Err(ended(run, state, "paused")),
    }
}

/// `POST /v1/runs/{id}/resume`.
pub(super) async fn resume(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let run = RunId::new(id);
    let resumed = door.in_time(door.engine.resume(run, &org)).await?.ok_or_else(|| Problem::unknown_run(run))?;
    match resumed {
        Resumed::GoesOn(RunState::Queued) => {
            Ok(outcome(StatusCode::OK, run, "queued", "the run is queued again and goes on from its journal"))
        }
        Resumed::GoesOn(_) => Ok(outcome(StatusCode::OK, run, "resumed", "the run goes on where it stood")),
        Resumed::Unstopped(state) => Err(Problem::new(
            Code::RunNotParked,
            format!("run {run} is {state} and not paused; only a parked or paused run is resumed"),
        )
        .with("run_id", run.to_string())
        .with("state", state.as_str())),
    }
}
