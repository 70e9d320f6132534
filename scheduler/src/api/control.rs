//! Cancelling, killing, pausing and resuming runs.

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use piton_shared::{ids::RunId, state::RunState};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    body::MaybeJson,
    code::Code,
    document::{RunInPath, Wait, shapes},
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
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OutcomeView {
    run_id: Uuid,
    /// A word for it; the detail says it in a sentence.
    outcome: &'static str,
    detail: &'static str,
    links: OutcomeLinks,
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
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

/// Why a run is cancelled.
#[derive(ToSchema)]
#[schema(as = CancelRun)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct CancelBody {
    /// A sentence that the workflow and whoever looks at the run can read.
    #[schema(schema_with = shapes::maybe_sentence, required = false)]
    reason: (),
}

/// Cancel a run
///
/// Asks the workflow to stop: it sees that at its next await and may clean up. One that has not begun ends at once.
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", operation_id = "cancel_run", tag = "Runs", params(RunInPath),
    request_body = Option<CancelBody>,
    responses(
        (status = 200, description = "It is cancelled", body = OutcomeView),
        (status = 202, description = "The workflow will see it", body = OutcomeView),
        (status = 404, description = "unknown_run"),
        (status = 409, description = "run_ended"),
    ),
)]
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

/// Kill a run
///
/// Once this is committed no result of the run is accepted. Waits until its worker has said that it stopped, 5 s when no
/// `wait` is given.
#[utoipa::path(
    post, path = "/v1/runs/{id}/kill", operation_id = "kill_run", tag = "Runs", params(RunInPath, Wait),
    responses(
        (status = 200, description = "Killed, and nothing of it starts any more", body = OutcomeView),
        (status = 202, description = "Killed; its worker has not said yet that it stopped", body = OutcomeView),
        (status = 404, description = "unknown_run"),
        (status = 409, description = "run_ended"),
    ),
)]
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

/// Pause a run
///
/// Nothing new of it starts until it is resumed; what is under way ends and is kept. Waits until everybody who works on it
/// has said so, 5 s when no `wait` is given.
#[utoipa::path(
    post, path = "/v1/runs/{id}/pause", operation_id = "pause_run", tag = "Runs", params(RunInPath, Wait),
    responses(
        (status = 200, description = "Paused", body = OutcomeView),
        (status = 202, description = "Paused; not everybody who works on it has said so yet", body = OutcomeView),
        (status = 404, description = "unknown_run"),
        (status = 409, description = "run_ended"),
    ),
)]
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

/// Resume a run
///
/// Lets a parked or a paused run go on.
#[utoipa::path(
    post, path = "/v1/runs/{id}/resume", operation_id = "resume_run", tag = "Runs", params(RunInPath),
    responses(
        (status = 200, description = "It goes on", body = OutcomeView),
        (status = 404, description = "unknown_run"),
        (status = 409, description = "run_not_parked"),
    ),
)]
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
