//! Pausing, resuming and triggering schedules.

use axum::{
    http::{HeaderMap, header::LOCATION},
    response::{IntoResponse, Response},
};
use piton_shared::name::Build;

use super::{
    body::fits,
    one::{One, shown},
    view::ScheduleView,
};
use crate::{
    api::{
        document::{IdempotencyKey, ScheduleInPath},
        problem::Problem,
        query::Parameters,
        request::trace_of,
        start::{idempotency_key, status},
        view::{StartedView, WaitingView, run_path},
    },
    engine::Start,
    schedule::Schedules,
    store::schedule::Changed,
};

/// Pause a schedule
///
/// It fires nothing until it is resumed. Its runs go on.
#[utoipa::path(
    post, path = "/v1/schedules/{name}/pause", operation_id = "pause_schedule", tag = "Schedules",
    params(ScheduleInPath),
    responses(
        (status = 200, description = "It is paused", body = ScheduleView),
        (status = 404, description = "unknown_schedule"),
    ),
)]
pub(in crate::api) async fn pause(one: One, parameters: Parameters) -> Result<axum::Json<ScheduleView>, Problem> {
    parameters.finish()?;
    let paused = one.door.in_time(one.store().schedule_pause(&one.org, &one.name)).await?;
    turned(&one, paused).await
}

/// Resume a schedule
///
/// It fires again, from its next time on: what would have fired while it was paused is not made up for.
#[utoipa::path(
    post, path = "/v1/schedules/{name}/resume", operation_id = "resume_schedule", tag = "Schedules",
    params(ScheduleInPath),
    responses(
        (status = 200, description = "It fires again", body = ScheduleView),
        (status = 404, description = "unknown_schedule"),
    ),
)]
pub(in crate::api) async fn resume(one: One, parameters: Parameters) -> Result<axum::Json<ScheduleView>, Problem> {
    parameters.finish()?;
    let resumed = one.door.in_time(one.store().schedule_resume(&one.org, &one.name)).await?;
    one.door.engine.schedules().changed();
    turned(&one, resumed).await
}

async fn turned(one: &One, changed: Option<Changed>) -> Result<axum::Json<ScheduleView>, Problem> {
    let (Changed::Done(row) | Changed::Before(row) | Changed::Overtaken(row)) = one.there(changed)?;
    shown(&one.door, *row).await.map(axum::Json)
}

/// Trigger a schedule
///
/// Starts a run of it now, besides its rhythm: whether its last run goes on, and whether it is paused, makes no difference,
/// and its next firing comes as it would have. A repeated `Idempotency-Key` is answered with the run that it made, by 200.
#[utoipa::path(
    post, path = "/v1/schedules/{name}/trigger", operation_id = "trigger_schedule", tag = "Schedules",
    params(ScheduleInPath, IdempotencyKey),
    responses(
        (status = 201, description = "The run was accepted", body = StartedView,
            headers(("Location" = String, description = "The run's address"))),
        (status = 200, description = "The key had made it before", body = StartedView,
            headers(("Location" = String, description = "The run's address"))),
        (status = 404, description = "unknown_schedule"),
        (status = 409, description = "idempotency_conflict"),
        (status = 422, description = "invalid_input, unknown_org"),
    ),
)]
pub(in crate::api) async fn trigger(one: One, headers: HeaderMap, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    let key = idempotency_key(&headers)?;
    let row = one.look().await?;
    let One { door, org, name } = one;
    // A word of the caller's means one thing for each schedule, and another where runs are started without one.
    let key = key.map(|key| format!("schedule/{}/{key}", row.id));
    fits(&door, &org, &row.plan, key.as_deref()).await?;
    let mut tags = row.plan.tags;
    tags.push(Schedules::tag(&name));
    let workflow = row.plan.workflow;
    let (queue, build) = (row.plan.queue.clone(), row.plan.build.clone());
    let start = Start {
        org: org.clone(),
        workflow: workflow.clone(),
        input: row.plan.input,
        queue: row.plan.queue,
        build: row.plan.build,
        session: None,
        tags,
        delay: None,
        key,
        trace: trace_of(&headers),
    };
    let started = door.in_time(door.engine.start(start)).await?;
    tracing::Span::current().record("run.id", started.run.to_string());
    // After the run: a scheduler that dies in between leaves it without this note, and a repetition writes it.
    let noted = door.engine.store().firing_triggered(&org, row.id, started.run, started.created_at);
    door.in_time(noted).await?;
    let location = [(LOCATION, run_path(started.run.uuid()))];
    let waiting = WaitingView::of(started.served, &workflow, queue.as_str(), build.as_ref().map(Build::as_str));
    Ok((status(&started), location, axum::Json(StartedView::new(&started, workflow, waiting))).into_response())
}
