//! Logs and traces of a worker, set up as the schedulers' are. A program that has a `tracing` subscriber of its own needs none of
//! this.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The variables PITON_LOG, PITON_LOG_FORMAT and OTEL_EXPORTER_OTLP_ENDPOINT say what is logged and where traces go.
//! let telemetry = piton::telemetry::init(&piton::telemetry::TelemetryOptions::from_env("checkout")?)?;
//! // … the worker runs here …
//! telemetry.shutdown();
//! # Ok(())
//! # }
//! ```

pub use piton_telemetry::{LogFormat, Telemetry, TelemetryError, TelemetryOptions, init};
