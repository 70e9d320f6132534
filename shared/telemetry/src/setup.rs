//! Setting up logs and traces, once a process.

use std::env;

use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::logs::{self, DEFAULT_FILTER, LogFormat};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `PITON_LOG` cannot be read.
    #[error("cannot read the log filter `{filter}`: {reason}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `PITON_LOG_FORMAT` is neither.
    #[error("`{0}` is no log format: it is `text` or `json`")]
    Format(String),
    /// The exporter cannot be built.
    #[error("cannot export traces to {endpoint}: {reason}")]
    Exporter {
        /// Where to.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Somebody in this process set a subscriber before.
    #[error("logs are set up already")]
    Again,
}

/// What to log, and where to send traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryOptions {
    /// The service that traces name, unless `OTEL_SERVICE_NAME` is set.
    pub service: &'static str,
    /// How lines look. Defaults to text.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing-subscriber`'s `EnvFilter`. Defaults to `info`, the NATS
    /// client's own log to `warn`.
    pub filter: String,
    /// The base URL of an OTLP collector, as `http://host:4318`. Defaults to none: no traces are made.
    pub otlp: Option<String>,
}

impl TelemetryOptions {
    /// Everything by default.
    pub fn new(service: &'static str) -> Self {
        Self { service, format: LogFormat::default(), filter: DEFAULT_FILTER.to_owned(), otlp: None }
    }

    /// As the environment says: `PITON_LOG`, `PITON_LOG_FORMAT` and `OTEL_EXPORTER_OTLP_ENDPOINT`. Empty
    /// counts as unset.
    pub fn from_env(service: &'static str) -> Result<Self, TelemetryError> {
        Self::from_env_or(service, DEFAULT_FILTER)
    }

    /// As [`from_env`](Self::from_env), with another [`filter`](Self::filter) where `PITON_LOG` names none.
    pub fn from_env_or(service: &'static str, filter: &str) -> Result<Self, TelemetryError> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let mut options = Self { filter: filter.to_owned(), ..Self::new(service) };
        if let Some(filter) = set("PITON_LOG") {
            options.filter = filter;
        }
        if let Some(format) = set("PITON_LOG_FORMAT") {
            options.format = format.parse()?;
        }
        options.otlp = set("OTEL_EXPORTER_OTLP_ENDPOINT");
        Ok(options)
    }
}

/// What has to be ended: traces are sent in batches.
#[derive(Debug)]
#[must_use = "traces that were not sent yet are sent by its `shutdown`"]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    traces: Option<crate::otlp::Traces>,
}

/// Sets up logs, and traces when [`TelemetryOptions::otlp`] is set.
///
/// # Errors
/// Settings that cannot be read, an exporter that cannot be built, or a second call.
pub fn init(options: &TelemetryOptions) -> Result<Telemetry, TelemetryError> {
    let logs = logs::to_stderr::<Registry>(options.format, &options.filter)?;
    #[cfg(feature = "otlp")]
    let (layers, traces) = match &options.otlp {
        Some(endpoint) => {
            let (layer, traces) = crate::otlp::traces(options.service, endpoint)?;
            (vec![logs, layer], Some(traces))
        }
        None => (vec![logs], None),
    };
    #[cfg(not(feature = "otlp"))]
    let layers = vec![logs];
    // Not `try_init`: it would also take in what is logged by the crate `log`, and a record of that which the filters refuse leaves
    // its refusal behind, to the next span of the thread.
    let subscriber = tracing_subscriber::registry().with(layers);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Again)?;
    #[cfg(not(feature = "otlp"))]
    if options.otlp.is_some() {
        tracing::warn!("an OTLP endpoint is set, but this build has no traces (feature `otlp`)");
    }
    Ok(Telemetry {
        #[cfg(feature = "otlp")]
        traces,
    })
}

impl Telemetry {
    /// Sends what is left, for at most a few seconds. Blocks: call it after the runtime has ended, or on a
    /// thread where blocking is allowed.
    pub fn shutdown(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.shutdown();
        }
    }
}
