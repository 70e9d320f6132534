//! Schedules: making, looking at, changing, pausing and deleting them, and what they fired.

mod body;
mod changes;
mod firings;
mod one;
mod orders;
mod view;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use piton_shared::{limits::PAGE_MAX, name::check_definition};

use self::{
    body::CreateBody,
    view::{ScheduleView, SchedulesView, schedule_path},
};
use super::{
    access::Caller, body::Json, code::Code, document::Page, gone::Gone, problem::Problem, query::Parameters,
    routes::Door, runs::escape,
};
use crate::store::schedule::{Created, ScheduleOrigin};

// The macros of routes look for what they made beside each handler.
pub(super) use self::{changes::*, firings::*, orders::*};

/// List schedules
///
/// By their names, each with its next firing.
#[utoipa::path(
    get, path = "/v1/schedules", operation_id = "list_schedules", tag = "Schedules",
    params(Page<PAGE_MAX>, ("workflow" = Option<String>, Query, description = "Only those that start this workflow.")),
    responses((status = 200, description = "A page of schedules", body = SchedulesView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    mut parameters: Parameters,
) -> Result<axum::Json<SchedulesView>, Problem> {
    let workflow = parameters.checked("workflow", |name| check_definition(&name).map(|()| name))?;
    let after = parameters.checked("cursor", |name| check_definition(&name).map(|()| name))?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let list = door.list(&org).await?;
    let rows = list.store().schedule_list(&org, after.as_deref().unwrap_or(""), workflow.as_deref(), limit + 1);
    let mut rows = door.in_time(rows).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.name.clone());
    let next = next_cursor.as_deref().map(|cursor| {
        let of = workflow.as_deref().map(|name| format!("&workflow={}", escape(name))).unwrap_or_default();
        format!("/v1/schedules?limit={limit}&cursor={}{of}", escape(cursor))
    });
    let gone = Gone::of(&door, &org, rows.iter().map(|row| &*row.plan.workflow)).await?;
    let schedules = rows.into_iter().map(|row| ScheduleView::listed(row, &gone)).collect();
    Ok(axum::Json(SchedulesView { schedules, next_cursor, next }))
}

/// Make a schedule
///
/// It fires for the first time at the first time of its rhythm after now. The same request again is answered with the
/// schedule that is there, by 200.
#[utoipa::path(
    post, path = "/v1/schedules", operation_id = "create_schedule", tag = "Schedules", request_body = CreateBody,
    responses(
        (status = 201, description = "It is there", body = ScheduleView,
            headers(("Location" = String, description = "The schedule's address"))),
        (status = 200, description = "It was there before, just so", body = ScheduleView,
            headers(("Location" = String, description = "The schedule's address"))),
        (status = 409, description = "schedule_exists, schedule_limit"),
        (status = 422, description = "invalid_input, invalid_payload"),
    ),
)]
pub(super) async fn create(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let asked = body::create(&door, &org, body).await?;
    let name = asked.name;
    let created = door.in_time(door.engine.store().schedule_create(&org, &name, &asked.plan, asked.state)).await?;
    let (status, row) = match created {
        Created::New(row) => {
            door.engine.schedules().changed();
            (StatusCode::CREATED, row)
        }
        Created::Taken(row) if row.plan == asked.plan && row.origin == ScheduleOrigin::Api => (StatusCode::OK, row),
        Created::Taken(row) => {
            let detail = match row.origin {
                ScheduleOrigin::Api => format!(
                    "there is a schedule `{name}` that does something else; `PATCH {}` changes it",
                    schedule_path(&name)
                ),
                ScheduleOrigin::Declared => {
                    format!("the workflow `{}` declares a schedule `{name}`: take another name", row.plan.workflow)
                }
            };
            return Err(Problem::new(Code::ScheduleExists, detail).with("name", name));
        }
        Created::Full => {
            let most = piton_shared::limits::SCHEDULES;
            return Err(Problem::new(
                Code::ScheduleLimit,
                format!("the org `{org}` is not there, or has {most} schedules, as many as it may: delete some"),
            ));
        }
    };
    let location = [(LOCATION, schedule_path(&name))];
    Ok((status, location, axum::Json(one::shown(&door, *row).await?)).into_response())
}
