//! HTTP requests. Their routes are the router's, so they cannot be an enum here.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};

use super::{buckets, instruments::Gauge, registry::Registry};

/// Requests by route and status.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Requests under way, those that wait for a run included.
    pub under_way: Gauge,
}

impl HttpMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            requests: registry
                .counters_of(("piton_http_requests_total", "Answered HTTP requests."), &["method", "route", "status"]),
            seconds: registry.histograms_of(
                ("piton_http_request_seconds", "Time from an HTTP request to its answer's head."),
                buckets::WORK_SECONDS,
                &["method", "route"],
            ),
            under_way: registry.gauge(("piton_http_requests_under_way", "HTTP requests not answered yet.")),
        }
    }

    /// Counts an answered request. `route` is the router's template (`/v1/runs/{id}`) or one word for what
    /// matched none: never a path, which would make a series of its own for every run. The same holds for
    /// `method`: one of HTTP's, or one word for all others.
    pub fn answered(&self, method: &str, route: &str, status: u16, time: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.seconds.with_label_values(&[method, route]).observe(time.as_secs_f64());
    }
}
