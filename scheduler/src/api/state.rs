//! `GET /v1/runs/{id}/state` and `GET /v1/sessions/{session}/state`: what workflows keep beside their journals.

use axum::{
    Extension,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    response::Response,
};
use piton_shared::{ids::RunId, limits::STATE_NAME_BYTES, message::state::StateScope, name::Org};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    access::Caller,
    code::Code,
    document::{Page, RunInPath},
    fields::check_session,
    limits, link,
    problem::Problem,
    query::{Parameters, check_cursor},
    request::PathId,
    routes::Door,
    runs::{escape, look},
    time::Rfc3339,
    view::{payload, run_path},
};
use crate::store::StateRow;

/// A page of state, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateView {
    values: Vec<ValueView>,
    /// The cursor of the next page; none on the last.
    next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    next: Option<String>,
}

/// A value of state.
#[derive(Debug, Serialize, ToSchema)]
struct ValueView {
    name: String,
    value: Value,
    /// Counts its writes.
    version: i64,
    written_at: Rfc3339,
}

/// Read a run's state
///
/// What its workflow keeps beside its journal. Empty once the run has ended: its state goes with it.
#[utoipa::path(
    get, path = "/v1/runs/{id}/state", operation_id = "get_run_state", tag = "State",
    params(RunInPath, Page::<{ limits::STATE_PAGE_MAX }>),
    responses(
        (status = 200, description = "A page of values", body = StateView),
        (status = 404, description = "unknown_run"),
    ),
)]
pub(super) async fn of_run(
    door: State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Response, Problem> {
    look(&door, RunId::new(id), &org).await?;
    page(&door, &org, StateScope::Run, &id.to_string(), &format!("{}/state", run_path(id)), parameters).await
}

/// Read a session's state
///
/// What the runs of a session keep together. A session that nobody has written to is empty.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/state", operation_id = "get_session_state", tag = "State",
    params(
        ("session" = String, Path, description = "The session's id, percent-encoded."),
        Page::<{ limits::STATE_PAGE_MAX }>,
    ),
    responses((status = 200, description = "A page of values", body = StateView)),
)]
pub(super) async fn of_session(
    door: State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Session(session): Session,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let path = format!("/v1/sessions/{}/state", escape(&session));
    page(&door, &org, StateScope::Session, &session, &path, parameters).await
}

async fn page(
    door: &Door,
    org: &Org,
    scope: StateScope,
    owner: &str,
    path: &str,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.checked("cursor", |name| check_cursor(name, STATE_NAME_BYTES))?;
    let limit = parameters.limit(limits::STATE_PAGE_MAX)?;
    parameters.finish()?;
    let after = after.unwrap_or_default();
    let list = door.list(org).await?;
    let mut rows = door.in_time(list.store().state_list(org, scope, owner, &after, limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.name.clone());
    let next = next_cursor.as_deref().map(|name| format!("{path}?limit={limit}&cursor={}", escape(name)));
    let view = StateView { values: rows.into_iter().map(ValueView::from).collect(), next_cursor, next };
    Ok(link::page(&view, view.next.as_deref()))
}

impl From<StateRow> for ValueView {
    fn from(row: StateRow) -> Self {
        Self { name: row.name, value: payload(&row.value), version: row.version, written_at: row.written_at.into() }
    }
}

/// The session in the path.
#[derive(Debug)]
pub(super) struct Session(String);

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |detail: &str| Problem::new(Code::InvalidId, format!("the session in the address {detail}"));
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| wrong("is not UTF-8"))?;
        check_session(&text).map_err(|detail| wrong(&detail))?;
        Ok(Self(text))
    }
}
