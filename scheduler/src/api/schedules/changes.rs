//! Looking at one schedule, changing and deleting it.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use piton_shared::limits::FIRINGS_AHEAD;

use super::{
    body::{self, ChangeBody},
    one::{One, shown},
    view::{ComingsView, ScheduleView, comings},
};
use crate::{
    api::{
        body::Json,
        code::Code,
        document::{IfMatch, ScheduleInPath},
        etag::{Seen, tagged, written},
        problem::Problem,
        query::Parameters,
    },
    store::{
        ScheduleRow,
        schedule::{Changed, Plan, ScheduleOrigin},
    },
};

/// How often a change is tried again that another one overtook.
const TRIES: usize = 5;
/// Firings to come when the caller names no number.
const COMINGS: usize = 5;

/// Get a schedule
///
/// With its next five firings.
#[utoipa::path(
    get, path = "/v1/schedules/{name}", operation_id = "get_schedule", tag = "Schedules",
    params(ScheduleInPath),
    responses(
        (status = 200, description = "The schedule", body = ScheduleView,
            headers(("ETag" = String, description = "For `If-Match` of a change, and `If-None-Match`"))),
        (status = 304, description = "It stands as `If-None-Match` has it"),
        (status = 404, description = "unknown_schedule"),
    ),
)]
pub(in crate::api) async fn get(one: One, headers: HeaderMap, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    Ok(tagged(&headers, &shown(&one.door, one.look().await?).await?))
}

/// Say when a schedule fires next
///
/// Each time as its expression names it, as its clocks show it, and with its jitter. Nothing of one that is paused.
#[utoipa::path(
    get, path = "/v1/schedules/{name}/next", operation_id = "get_schedule_next", tag = "Schedules",
    params(
        ScheduleInPath,
        ("count" = Option<u32>, Query, description = "How many firings, up to 100; 5 when not said."),
    ),
    responses(
        (status = 200, description = "Its firings to come; none of one that is paused", body = ComingsView),
        (status = 404, description = "unknown_schedule"),
    ),
)]
pub(in crate::api) async fn next(one: One, mut parameters: Parameters) -> Result<axum::Json<ComingsView>, Problem> {
    let count = parameters.checked("count", |text| match text.parse::<usize>() {
        Ok(count) if (1..=FIRINGS_AHEAD).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(format!("must be a number from 1 to {FIRINGS_AHEAD}")),
    })?;
    parameters.finish()?;
    let row = one.look().await?;
    Ok(axum::Json(ComingsView { next: comings(&row, count.unwrap_or(COMINGS)) }))
}

/// Change a schedule
///
/// A merge patch (RFC 7396): what the body does not say stays as it is, and null puts back what is so by default: no build, no
/// tags, the queue `default`. A new rhythm counts from now on. A schedule that is declared beside its workflow is changed there.
#[utoipa::path(
    patch, path = "/v1/schedules/{name}", operation_id = "change_schedule", tag = "Schedules",
    params(ScheduleInPath, IfMatch),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "It stands so now", body = ScheduleView, headers(("ETag" = String))),
        (status = 404, description = "unknown_schedule"),
        (status = 409, description = "schedule_declared"),
        (status = 412, description = "changed_meanwhile"),
        (status = 422, description = "invalid_input, invalid_payload"),
    ),
)]
pub(in crate::api) async fn change(
    one: One,
    seen: Seen,
    parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let edit = body::change(body)?;
    let mut row = one.look().await?;
    refuse_declared(&row, "changed")?;
    for _ in 0..TRIES {
        seen.admits(async || written(&shown(&one.door, row.clone()).await?)).await?;
        let plan = edit.apply(&row.plan)?;
        if !takes_the_same(&plan, &row.plan) {
            body::fits(&one.door, &one.org, &plan, None).await?;
        }
        let changed = one.door.in_time(one.store().schedule_change(&one.org, &row, &plan)).await?;
        match one.there(changed)? {
            Changed::Done(row) => {
                one.door.engine.schedules().changed();
                return Ok(tagged(&HeaderMap::new(), &shown(&one.door, *row).await?));
            }
            Changed::Before(row) => return Ok(tagged(&HeaderMap::new(), &shown(&one.door, *row).await?)),
            Changed::Overtaken(other) => row = *other,
        }
    }
    Err(Problem::overloaded())
}

/// Whether two plans give the same to the same: what was taken before is not looked at again.
fn takes_the_same(one: &Plan, other: &Plan) -> bool {
    (&one.workflow, &one.build, &one.input) == (&other.workflow, &other.build, &other.input)
}

/// Delete a schedule
///
/// It fires no more; the runs that it has started go on. One that is declared beside its workflow is taken away there; with
/// `force=true` it is deleted all the same, until a worker that declares it starts again.
#[utoipa::path(
    delete, path = "/v1/schedules/{name}", operation_id = "delete_schedule", tag = "Schedules",
    params(
        ScheduleInPath,
        ("force" = Option<bool>, Query, description = "Also one that is declared: no worker declares it any more."),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "unknown_schedule"),
        (status = 409, description = "schedule_declared"),
    ),
)]
pub(in crate::api) async fn delete(one: One, mut parameters: Parameters) -> Result<StatusCode, Problem> {
    let force = parameters.checked("force", |text| text.parse::<bool>())?.unwrap_or(false);
    parameters.finish()?;
    let row = one.look().await?;
    if !force {
        refuse_declared(&row, "deleted")?;
    }
    one.door.in_time(one.store().schedule_remove(row.id)).await?;
    tracing::info!(schedule = one.name, "deleted a schedule");
    Ok(StatusCode::NO_CONTENT)
}

fn refuse_declared(row: &ScheduleRow, what: &str) -> Result<(), Problem> {
    match row.origin {
        ScheduleOrigin::Api => Ok(()),
        ScheduleOrigin::Declared => Err(Problem::new(
            Code::ScheduleDeclared,
            format!(
                "schedule `{}` is declared beside the workflow `{}` and is {what} there, by its next deployment; here it can be \
                 paused, resumed and triggered, and deleted with `force=true` once no worker declares it any more",
                row.name, row.plan.workflow
            ),
        )
        .with("name", row.name.clone())
        .with("workflow", row.plan.workflow.clone())),
    }
}
