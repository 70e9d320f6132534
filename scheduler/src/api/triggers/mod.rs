//! Making, looking at, pausing, changing and removing triggers.

mod body;
mod view;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use piton_shared::{
    limits::{PAGE_MAX, TRIGGERS_MADE},
    name::check_definition,
};
use uuid::Uuid;

use self::{
    body::{ChangeBody, TriggerBody},
    view::{TriggerView, TriggersView, trigger_path},
};
use super::{
    access::Caller,
    body::Json,
    code::Code,
    document::{IfMatch, Page},
    etag::{Seen, tagged, written},
    gone::Gone,
    problem::Problem,
    query::{Parameters, id_cursor},
    request::PathId,
    routes::Door,
    runs::escape,
};
use crate::store::{Changed, TriggerRow};

/// How often a change is tried again that another one overtook.
const TRIES: usize = 5;

/// Make a trigger
///
/// From now on every event that it means starts the workflow: `event` is a pattern of names, `provider` makes it one of verified
/// webhooks. It stands for itself: what is declared beside the workflow starts its own runs.
#[utoipa::path(
    post, path = "/v1/triggers", operation_id = "create_trigger", tag = "Triggers", request_body = TriggerBody,
    responses(
        (status = 201, description = "The trigger", body = TriggerView,
            headers(("Location" = String, description = "The trigger's address"))),
        (status = 409, description = "too_many_triggers"),
        (status = 422, description = "unknown_org"),
    ),
)]
pub(super) async fn create(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let new = off_the_runtime(move || body::create(body, &org)).await?;
    let most = i64::try_from(TRIGGERS_MADE).unwrap_or(i64::MAX);
    let changed = door.in_time(door.engine.store().trigger_create(&new, most)).await?;
    if changed == Changed::Unknown {
        return Err(Problem::new(Code::UnknownOrg, format!("there is no org `{}`", new.org)));
    }
    let row = done(new.id, changed)?;
    tracing::info!(trigger = %row.id, workflow = row.workflow, "made a trigger");
    let location = [(LOCATION, trigger_path(row.id))];
    Ok((StatusCode::CREATED, location, axum::Json(shown(&door, row).await?)).into_response())
}

async fn shown(door: &Door, row: TriggerRow) -> Result<TriggerView, Problem> {
    let gone = Gone::of(door, &row.org, [&*row.workflow]).await?;
    Ok(TriggerView::new(row, &gone))
}

/// Reading expressions takes some milliseconds.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Problem::internal()))
}

fn done(id: Uuid, changed: Changed) -> Result<TriggerRow, Problem> {
    match changed {
        Changed::Done(row) => Ok(*row),
        // Whoever can be overtaken has looked at it before.
        Changed::Overtaken(_) => Err(Problem::overloaded()),
        Changed::Unknown => Err(unknown(id)),
        Changed::Declared(row) => {
            let detail = format!(
                "trigger {id} is declared beside the workflow `{}`: change it there and deploy, or pause it by {{\"state\": \"paused\"}}; \
                 `force=true` removes it once no worker declares it any more",
                row.workflow
            );
            Err(Problem::new(Code::TriggerDeclared, detail).with("workflow", row.workflow))
        }
        Changed::TooMany => Err(Problem::new(
            Code::TooManyTriggers,
            format!(
                "an org may have {TRIGGERS_MADE} triggers that were made by the API; remove some, or declare them beside their workflows"
            ),
        )),
    }
}

fn unknown(id: Uuid) -> Problem {
    let detail = format!("there is no trigger {id} in your org; `GET /v1/triggers` lists those that are there");
    Problem::new(Code::UnknownTrigger, detail)
}

/// List triggers
///
/// A page of the org's triggers, newest first: those that are declared beside workflows and those that were made here. What the
/// clock starts is listed by the schedules.
#[utoipa::path(
    get, path = "/v1/triggers", operation_id = "list_triggers", tag = "Triggers",
    params(
        ("workflow" = Option<String>, Query, description = "Only those of this workflow."),
        Page::<PAGE_MAX>,
    ),
    responses((status = 200, description = "A page of triggers", body = TriggersView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    mut parameters: Parameters,
) -> Result<axum::Json<TriggersView>, Problem> {
    let workflow = parameters.checked("workflow", |name| check_definition(&name).map(|()| name))?;
    let before = parameters.checked("cursor", |text| id_cursor(&text))?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let list = door.list(&org).await?;
    let mut rows = door.in_time(list.store().trigger_list(&org, before, workflow.as_deref(), limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.simple().to_string());
    let next = next_cursor.as_deref().map(|cursor| {
        let workflow = workflow.as_deref().map_or_else(String::new, |name| format!("&workflow={}", escape(name)));
        format!("/v1/triggers?limit={limit}&cursor={cursor}{workflow}")
    });
    let gone = Gone::of(&door, &org, rows.iter().map(|row| &*row.workflow)).await?;
    let triggers = rows.into_iter().map(|row| TriggerView::new(row, &gone)).collect();
    Ok(axum::Json(TriggersView { triggers, next_cursor, next }))
}

/// Look at a trigger
///
/// What it means, what it starts, and whether it counts.
#[utoipa::path(
    get, path = "/v1/triggers/{id}", operation_id = "get_trigger", tag = "Triggers",
    params(("id" = Uuid, Path, description = "The trigger's id.")),
    responses(
        (status = 200, description = "The trigger", body = TriggerView,
            headers(("ETag" = String, description = "For `If-Match` of a change, and `If-None-Match`"))),
        (status = 304, description = "It stands as `If-None-Match` has it"),
        (status = 404, description = "unknown_trigger"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let row = door.in_time(door.engine.store().trigger_get(id, &org)).await?.ok_or_else(|| unknown(id))?;
    Ok(tagged(&headers, &shown(&door, row).await?))
}

/// Change a trigger
///
/// A merge patch (RFC 7396): what is not said stays, and null puts back what is so by default: no filter, no build, any endpoint,
/// the queue `default`. One that is declared beside its workflow can be paused and resumed by its `state`; the rest of it is
/// changed where it is declared.
#[utoipa::path(
    patch, path = "/v1/triggers/{id}", operation_id = "change_trigger", tag = "Triggers",
    params(("id" = Uuid, Path, description = "The trigger's id."), IfMatch), request_body = ChangeBody,
    responses(
        (status = 200, description = "The trigger as it is now", body = TriggerView, headers(("ETag" = String))),
        (status = 404, description = "unknown_trigger"),
        (status = 409, description = "trigger_declared"),
        (status = 412, description = "changed_meanwhile"),
    ),
)]
pub(super) async fn change(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    seen: Seen,
    parameters: Parameters,
    Json(body): Json,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let asked = body::asked(body)?;
    let store = door.engine.store();
    let mut row = door.in_time(store.trigger_get(id, &org)).await?.ok_or_else(|| unknown(id))?;
    for _ in 0..TRIES {
        seen.admits(async || written(&shown(&door, row.clone()).await?)).await?;
        let asked = asked.clone();
        let change = off_the_runtime(move || asked.of(&row)).await?;
        match door.in_time(store.trigger_update(id, &org, &change)).await? {
            Changed::Overtaken(other) => row = *other,
            changed @ (Changed::Done(_) | Changed::Unknown | Changed::Declared(_) | Changed::TooMany) => {
                return Ok(tagged(&HeaderMap::new(), &shown(&door, done(id, changed)?).await?));
            }
        }
    }
    Err(Problem::overloaded())
}

/// Remove a trigger
///
/// Events that are accepted from now on start nothing by it. One that is declared beside its workflow is removed there; with
/// `force=true` it is removed all the same, until a worker that declares it starts again.
#[utoipa::path(
    delete, path = "/v1/triggers/{id}", operation_id = "delete_trigger", tag = "Triggers",
    params(
        ("id" = Uuid, Path, description = "The trigger's id."),
        ("force" = Option<bool>, Query, description = "Also one that is declared: no worker declares it any more."),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "unknown_trigger"),
        (status = 409, description = "trigger_declared"),
    ),
)]
pub(super) async fn delete(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<StatusCode, Problem> {
    let force = parameters.checked("force", |text| text.parse::<bool>())?.unwrap_or(false);
    parameters.finish()?;
    let store = door.engine.store();
    let changed = if force {
        door.in_time(store.trigger_delete_any(id, &org)).await?
    } else {
        door.in_time(store.trigger_delete(id, &org)).await?
    };
    let row = done(id, changed)?;
    tracing::info!(trigger = %row.id, workflow = row.workflow, "removed a trigger");
    Ok(StatusCode::NO_CONTENT)
}
