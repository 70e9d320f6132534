//! What every request gets: an id, a span, an end in time, and an answer even when we make a mistake.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{FromRequestParts, MatchedPath, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use piton_shared::limits::REQUEST_WAIT;
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

use super::{code::Code, limits, problem::Problem};

const REQUEST_ID: &str = "x-request-id";

/// The outermost layer: whatever comes back from within leaves with an id, and problems leave with it in them.
pub(super) async fn envelop(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unknown", MatchedPath::as_str);
    let span = tracing::info_span!(
        "http.request",
        request.id = %id,
        http.method = %request.method(),
        http.route = route,
        http.status = tracing::field::Empty,
        org = tracing::field::Empty,
        run.id = tracing::field::Empty,
    );
    let answering = async {
        let begun = Instant::now();
        let response = AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("a handler panicked; the panic's message was printed before");
                Problem::internal().into_response()
            });
        let response = finish(response, &id);
        let status = response.status().as_u16();
        tracing::Span::current().record("http.status", status);
        tracing::debug!(
            http.status = status,
            elapsed_ms = begun.elapsed().as_secs_f64() * 1e3,
            "answered"
        );
        response
    };
    answering.instrument(span).await
}

fn finish(response: Response, id: &str) -> Response {
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => {
            let mut rendered = problem.render(id);
            for (name, value) in response.headers() {
                if !rendered.headers().contains_key(name) && name != "content-length" {
                    rendered.headers_mut().insert(name, value.clone());
                }
            }
            rendered
        }
        None => response,
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert("www-authenticate", HeaderValue::from_static("Bearer"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The caller's own, if it can stand in a log line; else a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let fits = |id: &&str| {
        (1..=limits::REQUEST_ID_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"-_.:".contains(&c))
    };
    given
        .filter(fits)
        .map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}

/// How many requests of a kind may be under way.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn of(requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(requests)))
    }
}

/// Refuses a request when its kind has no room, and ends it when it takes too long.
pub(super) async fn bounded(State(room): State<Room>, request: Request, next: Next) -> Response {
    let Ok(_permit) = room.0.try_acquire() else {
        return Problem::overloaded().into_response();
    };
    let most = limits::BODY + limits::ANSWER + REQUEST_WAIT;
    match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => timed_out().into_response(),
    }
}

/// Ends our own part of the work when it takes too long.
pub(super) async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
where
    Problem: From<E>,
{
    match tokio::time::timeout(limits::ANSWER, work).await {
        Ok(done) => done.map_err(Problem::from),
        Err(_) => Err(timed_out()),
    }
}

fn timed_out() -> Problem {
    Problem::new(
        Code::TimedOut,
        "the answer took too long, and whether the request took effect is not known: look, or repeat it with the same Idempotency-Key",
    )
}

pub(super) async fn unknown_route() -> Problem {
    Problem::new(
        Code::UnknownRoute,
        "there is nothing at this address; the API begins at /v1",
    )
}

pub(super) async fn unknown_method(request: Request) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!(
            "this address does not take {}; the Allow header says what it takes",
            request.method()
        ),
    )
}

/// The id in the path.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathId(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(text)| text)
            .unwrap_or_default();
        match text.parse() {
            Ok(id) => {
                tracing::Span::current().record("run.id", text);
                Ok(Self(id))
            }
            Err(_) => Err(Problem::new(
                Code::InvalidId,
                "the id in the address is no UUID; copy it from the answer that named it",
            )),
        }
    }
}

/// The caller's trace context, if it is well formed (W3C Trace Context, version 00).
pub(super) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else {
        return None;
    };
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    };
    let nonzero = |part: &str| part.bytes().any(|c| c != b'0');
    let good = *version == "00"
        && hex(trace, 32)
        && nonzero(trace)
        && hex(parent, 16)
        && nonzero(parent)
        && hex(flags, 2);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        headers
    }

    #[test]
    fn request_ids_are_taken_over_when_they_can_stand_in_a_log() {
        assert_eq!(request_id(&header(REQUEST_ID, "abc-1.2:3")), "abc-1.2:3");
        for bad in ["", "a b", "a\tb", &"x".repeat(200)] {
            assert_ne!(request_id(&header(REQUEST_ID, bad)), bad);
        }
    }

    #[test]
    fn trace_context_is_passed_on_only_when_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            traceparent(&header("traceparent", good)).as_deref(),
            Some(good)
        );
        for bad in [
            "",
            "00-x",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(traceparent(&header("traceparent", bad)), None, "{bad}");
        }
    }
}
