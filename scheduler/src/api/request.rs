//! What every request gets: an id, a span, an end in time, and an answer even when we make a mistake.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use piton_shared::{limits::REQUEST_WAIT, name::Org};
use piton_telemetry::{metrics::HttpMetrics, trace};
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    access::Caller,
    code::Code,
    limits::{self, Times},
    problem::Problem,
    routes::Door,
    share::Shares,
};

const REQUEST_ID: &str = "x-request-id";

/// The outermost layer: whatever comes back from within leaves counted and with an id, and problems leave with it in
/// them.
pub(super) async fn envelop(State(metrics): State<Arc<HttpMetrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let span = tracing::info_span!(
        "http.request",
        request.id = %id,
        http.method = method,
        http.route = route,
        http.status = tracing::field::Empty,
        org = tracing::field::Empty,
        run.id = tracing::field::Empty,
    );
    if let Some(parent) = traceparent(request.headers()) {
        trace::set_parent(&span, parent);
    }
    let _under_way = metrics.under_way.enter();
    let answering = async {
        let response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("a handler panicked; the panic's message was printed before");
            Problem::internal().into_response()
        });
        let response = finish(response, &id);
        let status = response.status().as_u16();
        tracing::Span::current().record("http.status", status);
        tracing::debug!(http.status = status, elapsed_ms = begun.elapsed().as_secs_f64() * 1e3, "answered");
        response
    };
    let response = answering.instrument(span).await;
    metrics.answered(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// The method, or one word for those that nobody makes up a name for here.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// What a request lacked that was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Key,
    /// A key would not help.
    Signature,
}

fn finish(response: Response, id: &str) -> Response {
    let refused = response.extensions().get::<Problem>().map(Problem::code);
    let access = if refused == Some(Code::WebhookRefused) { Asked::Signature } else { Asked::Key };
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
    if response.status() == StatusCode::UNAUTHORIZED && access == Asked::Key {
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Bearer"));
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
            && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.:".contains(&c))
    };
    given.filter(fits).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}

/// How many requests of a kind may be under way, and how long each.
#[derive(Debug, Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    orgs: Shares<Org>,
    longest: Duration,
}

impl Room {
    pub(super) fn of(requests: usize, times: Times) -> Self {
        let requests = times.requests.unwrap_or(requests);
        Self {
            places: Arc::new(Semaphore::new(requests)),
            orgs: Shares::of_places(requests),
            longest: times.body + times.answer + REQUEST_WAIT,
        }
    }
}

/// Refuses a request when its kind has no room or its org has its share, and ends it when it takes too long.
pub(super) async fn bounded(State(room): State<Room>, request: Request, next: Next) -> Response {
    let Ok(_permit) = room.places.try_acquire() else {
        return Problem::overloaded().into_response();
    };
    let caller = request.extensions().get::<Caller>();
    let _share = match caller.map(|caller| room.orgs.take(&caller.org)) {
        Some(None) => return Problem::overloaded().into_response(),
        share @ (Some(Some(_)) | None) => share,
    };
    match tokio::time::timeout(room.longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => timed_out().into_response(),
    }
}

impl Door {
    /// Ends our own part of the work when it takes too long.
    pub(super) async fn in_time<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
    where
        Problem: From<E>,
    {
        match tokio::time::timeout(self.times.answer, work).await {
            Ok(done) => done.map_err(Problem::from),
            Err(_) => Err(timed_out()),
        }
    }
}

fn timed_out() -> Problem {
    Problem::new(
        Code::TimedOut,
        "the answer took too long, and whether the request took effect is not known: look, or repeat it with the same Idempotency-Key",
    )
}

pub(super) async fn unknown_route() -> Problem {
    Problem::new(Code::UnknownRoute, "there is nothing at this address; the API begins at /v1")
}

pub(super) async fn unknown_method(request: Request) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("this address does not take {}; the Allow header says what it takes", request.method()),
    )
}

/// The id in the path.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathId(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text).unwrap_or_default();
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

fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    trace::is_well_formed(text).then_some(text)
}

/// The trace context that a run is started with: our own span's, or where no traces are made the caller's as it came.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<String> {
    trace::current_traceparent().or_else(|| traceparent(headers).map(ToOwned::to_owned))
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::from_fn_with_state,
        routing::{MethodRouter, get},
    };
    use piton_telemetry::metrics::SchedulerMetrics;
    use tower::ServiceExt as _;

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
        assert_eq!(trace_of(&header("traceparent", good)).as_deref(), Some(good));
        assert_eq!(trace_of(&header("traceparent", "00-x")), None);
    }

    /// A route within the layers that every route has.
    async fn asked(route: MethodRouter, room: usize) -> (StatusCode, String) {
        let metrics = SchedulerMetrics::new();
        let router = Router::new()
            .route("/", route)
            .route_layer(from_fn_with_state(Room::of(room, Times::default()), bounded))
            .layer(from_fn_with_state(Arc::new(metrics.http.clone()), envelop));
        let request = Request::builder().uri("/").header(REQUEST_ID, "r-1").body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("routers always answer");
        assert_eq!(response.headers()[REQUEST_ID], "r-1");
        assert_eq!(metrics.http.under_way.get(), 0, "it is counted only while it is under way");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body in memory reads");
        (status, String::from_utf8(body.into()).expect("answers are UTF-8"))
    }

    #[tokio::test]
    async fn a_panic_is_answered_without_its_words() {
        async fn panics() -> StatusCode {
            panic!("a secret")
        }
        let (status, body) = asked(get(panics), 1).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"internal\"") && body.contains("r-1") && !body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_request_without_room_is_told_to_come_back() {
        let (status, body) = asked(get(async || StatusCode::OK), 0).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"overloaded\""), "{body}");
    }
}
