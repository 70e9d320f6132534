//! Logs, traces and metrics of Piton: the only user of the exporters.
//!
//! - [`init`] sets up logs (standard error, as text or as JSON) and, when an endpoint is configured, traces
//!   over OTLP. Call it once, first thing in `main`, and [`Telemetry::shutdown`] last.
//! - [`trace`] carries the context of a trace through messages.
//! - [`metrics`] names every metric; [`metrics::SchedulerMetrics::render`] is what `/metrics` answers.
//!
//! Payloads and secrets are never recorded: what is logged of a run is its ids, names, sizes and times.

mod json_lines;
mod logs;
pub mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
mod repeats;
mod setup;
pub mod trace;

pub use logs::LogFormat;
#[cfg(feature = "otlp")]
pub use otlp::ensure_crypto;
pub use setup::{Telemetry, TelemetryError, TelemetryOptions, init};
