//! `GET /v1/runs/{id}/progress`: a run as it goes on, as server-sent events.

mod cursor;
mod reader;
mod view;

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{StreamExt as _, stream};
use piton_shared::ids::RunId;

use super::{
    access::{Caller, Presented},
    code::Code,
    document::RunInPath,
    limits,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    runs::look,
};
use cursor::Cursor;
use reader::Reader;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follow a run
///
/// Server-sent events, in the order in which the run is told: `state` (where it stands, whenever that has changed), `step`
/// (a row of its journal: a call and what it came to), `try` (one that failed and is followed by another), and in the end
/// `end` with how it ended; then the stream closes. Each has an `id`. Whoever sends the last one back, as `Last-Event-ID` or
/// as `after`, goes on there, at any scheduler: no `state`, `step` or `end` is missed or told twice (a `try` may be missed).
/// After the `end` the answer is 204, which tells a browser not to come again. A stream is closed after a while, within
/// seconds of when its key is revoked or expires or its org is disabled, and when the scheduler stops, with a `retry` that says when to come back.
#[utoipa::path(
    get, path = "/v1/runs/{id}/progress", operation_id = "follow_run", tag = "Runs",
    params(
        RunInPath,
        ("after" = Option<String>, Query, description = "The id of the last event that was seen; all when not said."),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; it goes before `after`."),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The end was told: nothing follows"),
        (status = 404, description = "unknown_run"),
    ),
)]
pub(super) async fn follow(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Extension(presented): Extension<Presented>,
    PathId(id): PathId,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.checked("after", |text| text.parse::<Cursor>())?;
    parameters.finish()?;
    let cursor = last_event(&headers)?.or(after).unwrap_or_default();
    let run = RunId::new(id);
    look(&door, run, &org).await?;
    if cursor.is_over() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = Arc::clone(&door.streams).try_acquire_owned().map_err(|_| Problem::overloaded())?;
    let share = door.followers.take(&org).ok_or_else(Problem::overloaded)?;
    let hello = Event::default().retry(limits::RETRY_AFTER).comment("follow");
    let reader = Reader::new(door, run, org, presented, cursor, (permit, share));
    let events = stream::once(async { hello }).chain(stream::unfold(reader, Reader::next));
    let sse = Sse::new(events.map(Ok::<_, std::convert::Infallible>));
    let sse = sse.keep_alive(KeepAlive::new().interval(limits::KEEP_ALIVE));
    // A proxy on the way must not wait until there is enough to send.
    Ok(([("x-accel-buffering", "no")], sse).into_response())
}

fn last_event(headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let wrong = |detail: &str| {
        Problem::new(Code::InvalidHeader, format!("the header Last-Event-ID {detail}")).with("header", "Last-Event-ID")
    };
    let Some(given) = headers.get(LAST_EVENT_ID).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let text = HeaderValue::to_str(given).map_err(|_| wrong("must be printable ASCII"))?;
    text.parse().map(Some).map_err(wrong)
}
