//! Whether the scheduler lives, whether it can do its work, and its figures.

use axum::{
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{limits, routes::Vitals};
use crate::engine::{Health, Reachable};

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
struct LiveView {
    status: &'static str,
    version: &'static str,
}

/// Ask whether it lives
///
/// The process runs and answers.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "Health", security(()),
    responses((status = 200, description = "It lives", body = LiveView)),
)]
pub(super) async fn live() -> Response {
    let view = LiveView { status: "live", version: env!("CARGO_PKG_VERSION") };
    axum::Json(view).into_response()
}

/// Whether a scheduler can do its work.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyView {
    /// `ready`, `degraded`, `unavailable` or `stopping`.
    status: &'static str,
    detail: &'static str,
    postgres: &'static str,
    nats: &'static str,
}

/// Ask whether it is ready
///
/// Whether requests should be sent here: 200 `ready` or `degraded`, 503 `unavailable` or `stopping`.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "Health", security(()),
    responses(
        (status = 200, description = "Requests are taken", body = ReadyView),
        (status = 503, description = "Requests are better sent to another", body = ReadyView),
    ),
)]
pub(super) async fn ready(State(vitals): State<Vitals>) -> Response {
    let (status, view) = readiness(look(&vitals).await, vitals.closing.is_cancelled());
    let mut response = (status, axum::Json(view)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let after = HeaderValue::from(limits::RETRY_AFTER.as_secs());
        response.headers_mut().insert(RETRY_AFTER, after);
    }
    response
}

async fn look(vitals: &Vitals) -> Health {
    let health = tokio::time::timeout(vitals.times.answer, vitals.engine.health()).await;
    health.unwrap_or(Health { postgres: Reachable::No, nats: Reachable::No })
}

fn readiness(health: Health, closing: bool) -> (StatusCode, ReadyView) {
    let word = |reachable| match reachable {
        Reachable::Yes => "reachable",
        Reachable::No => "unreachable",
    };
    let (code, status, detail) = match (closing, health.postgres, health.nats) {
        (true, _, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping", "the scheduler was told to stop and finishes what it has")
        }
        (false, Reachable::No, _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Postgres does not answer: nothing is accepted, and what was accepted waits",
        ),
        (false, Reachable::Yes, Reachable::No) => (
            StatusCode::OK,
            "degraded",
            "NATS does not answer: runs are accepted and wait in Postgres until it is back",
        ),
        (false, Reachable::Yes, Reachable::Yes) => (StatusCode::OK, "ready", "Postgres and NATS answer"),
    };
    let view = ReadyView { status, detail, postgres: word(health.postgres), nats: word(health.nats) };
    (code, view)
}

/// Read its figures
///
/// For Prometheus. Looks at what the scheduler stands on first, so that the figures say how it is now.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "Health", security(()),
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(vitals): State<Vitals>) -> Response {
    look(&vitals).await;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], vitals.engine.metrics_text()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_postgres_decides_whether_requests_are_taken() {
        use Reachable::{No, Yes};
        let shown: Vec<_> = [(Yes, Yes, false), (Yes, No, false), (No, Yes, false), (No, No, false), (Yes, Yes, true)]
            .map(|(postgres, nats, closing)| {
                let (status, view) = readiness(Health { postgres, nats }, closing);
                format!("{status} {view:?}")
            })
            .into();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
