//! Getting, waiting for and listing runs.

use std::time::Duration;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use piton_shared::{
    ids::RunId,
    limits::{CALLER_KEY_BYTES, PAGE_MAX},
    name::{Org, check_definition},
    state::RunState,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    access::Caller,
    document::{Page, RunInPath, Wait, shapes},
    etag::tagged,
    fields::check_text,
    limits,
    link::page,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    time::{self, Rfc3339},
    view::{DISPATCHED, DispatchedView, RunView},
};
use crate::{
    engine::{Waited, Watch},
    store::{RunFilter, RunRow},
};

/// Look at a run
///
/// With `wait` it is answered when the run has ended: 200 then, 202 while it goes on after that time. One that is parked
/// is answered at once: it waits for a person.
#[utoipa::path(
    get, path = "/v1/runs/{id}", operation_id = "get_run", tag = "Runs", params(RunInPath, Wait),
    responses(
        (status = 200, description = "The run as it stands; of one that was waited for, its end", body = RunView,
            headers(("ETag" = String, description = "Of one that was not waited for"))),
        (status = 202, description = "It goes on after the time that was waited", body = RunView),
        (status = 304, description = "It stands as `If-None-Match` has it"),
        (status = 404, description = "unknown_run"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let wait = parameters.wait()?;
    parameters.finish()?;
    let run = RunId::new(id);
    if let Some(up_to) = wait {
        return waited(&door, run, door.engine.watch(run), &org, up_to, StatusCode::OK).await;
    }
    let row = look(&door, run, &org).await?;
    if row.state.is_terminal() {
        return Ok(tagged(&headers, &RunView::from(row)));
    }
    let rows = i64::try_from(DISPATCHED + 1).unwrap_or(i64::MAX);
    let open = door.in_time(door.engine.store().steps_of(run, rows)).await?;
    let view = RunView::from(row).with_dispatched(DispatchedView::of(open));
    Ok(tagged(&headers, &view))
}

/// One run as it stands.
pub(super) async fn look(door: &Door, run: RunId, org: &Org) -> Result<RunRow, Problem> {
    door.in_time(door.engine.run(run, org)).await?.ok_or_else(|| Problem::unknown_run(run))
}

/// Waits for a run's end: answers `ended` then, 202 with a link while it goes on. A scheduler that is being stopped
/// answers at once.
pub(super) async fn waited(
    door: &Door,
    run: RunId,
    watch: Watch,
    org: &Org,
    up_to: Duration,
    ended: StatusCode,
) -> Result<Response, Problem> {
    let outcome = tokio::select! {
        biased;
        outcome = door.engine.wait_for(watch, org, up_to) => outcome?,
        () = door.closing.cancelled() => {
            let row = look(door, run, org).await?;
            let status = if row.state.is_terminal() { ended } else { StatusCode::ACCEPTED };
            return Ok(shown(row, status));
        }
    };
    match outcome {
        Some(Waited::Ended(row)) => Ok(shown(*row, ended)),
        Some(Waited::Live(row)) => Ok(shown(*row, StatusCode::ACCEPTED)),
        None => Err(Problem::unknown_run(run)),
    }
}

fn shown(row: RunRow, status: StatusCode) -> Response {
    (status, axum::Json(RunView::from(row))).into_response()
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunsView {
    runs: Vec<RunView>,
    /// The cursor of the next page; none on the last.
    next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    next: Option<String>,
}

/// List runs
///
/// A page of the org's runs, newest first. Filters narrow it; each page keeps those of the first.
#[utoipa::path(
    get, path = "/v1/runs", operation_id = "list_runs", tag = "Runs",
    params(
        ("state" = Option<shapes::RunState>, Query, description = "Only those that stand here."),
        ("workflow" = Option<String>, Query, description = "Only those of this workflow."),
        ("session_id" = Option<String>, Query, description = "Only those of this session."),
        ("tag" = Option<String>, Query, description = "Only those with this tag."),
        (
            "created_after" = Option<String>, Query, format = DateTime,
            description = "Only those that were accepted then or later, as RFC 3339."
        ),
        (
            "created_before" = Option<String>, Query, format = DateTime,
            description = "Only those that were accepted before, as RFC 3339."
        ),
        Page::<PAGE_MAX>,
    ),
    responses((status = 200, description = "A page of runs", body = RunsView, headers(("Link" = String, description = "The next page")))),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let state = parameters.checked("state", |word| word.parse::<RunState>())?;
    let workflow = parameters.checked("workflow", |name| check_definition(&name).map(|()| name))?;
    let session = parameters.checked("session_id", |id| check_text(&id, CALLER_KEY_BYTES).map(|()| id))?;
    let tag = parameters.checked("tag", |tag| check_text(&tag, limits::TEXT_BYTES).map(|()| tag))?;
    let created_after = parameters.checked("created_after", |text| time::moment(&text))?;
    let created_before = parameters.checked("created_before", |text| time::moment(&text))?;
    let before = parameters.checked("cursor", |text| cursor(&text))?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let filter = RunFilter { before, state, workflow, session, tag, created_after, created_before };
    let list = door.list(&org).await?;
    let mut rows = door.in_time(list.store().runs(&org, &filter, limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.run.uuid().simple().to_string());
    let next = next_cursor.as_deref().map(|cursor| next_page(&filter, limit, cursor));
    let view = RunsView { runs: rows.into_iter().map(RunView::from).collect(), next_cursor, next };
    Ok(page(&view, view.next.as_deref()))
}

fn cursor(text: &str) -> Result<RunId, &'static str> {
    let whole = text.len() == 32;
    text.parse().ok().filter(|_| whole).ok_or("is no cursor of this list; take it from `next_cursor` unchanged")
}

fn next_page(filter: &RunFilter, limit: u32, cursor: &str) -> String {
    let mut pairs = vec![("limit", limit.to_string()), ("cursor", cursor.to_owned())];
    pairs.extend(filter.state.map(|state| ("state", state.as_str().to_owned())));
    pairs.extend(filter.workflow.clone().map(|name| ("workflow", name)));
    pairs.extend(filter.session.clone().map(|id| ("session_id", id)));
    pairs.extend(filter.tag.clone().map(|tag| ("tag", tag)));
    let moment = |at: Timestamp| Rfc3339::from(at).to_string();
    pairs.extend(filter.created_after.map(|at| ("created_after", moment(at))));
    pairs.extend(filter.created_before.map(|at| ("created_before", moment(at))));
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    format!("/v1/runs?{}", pairs.join("&"))
}

/// Percent-encodes what has a meaning in a query, and what is not ASCII.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let filter = RunFilter {
            before: None,
            state: Some(RunState::Parked),
            workflow: Some("a.b".into()),
            session: Some("s 1&x=ü".into()),
            tag: Some("t".into()),
            created_after: Some(Timestamp::EPOCH),
            created_before: None,
        };
        insta::assert_snapshot!(next_page(&filter, 7, "c"), @"/v1/runs?limit=7&cursor=c&state=parked&workflow=a.b&session_id=s%201%26x%3D%C3%BC&tag=t&created_after=1970-01-01T00%3A00%3A00.000000Z");
    }

    #[test]
    fn cursors_are_those_we_gave() {
        let id = uuid::Uuid::from_u128(5);
        assert_eq!(cursor(&id.simple().to_string()), Ok(RunId::new(id)));
        assert!(cursor(&id.to_string()).is_err());
        assert!(cursor("").is_err());
    }
}
