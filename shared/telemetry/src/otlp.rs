//! Traces over OTLP: protobuf over HTTP, sent by a thread of its own with a blocking client.
//!
//! The batch thread has no async runtime, so the client must be the blocking one, and it must be made (and
//! dropped) where no runtime is.

use std::{env, sync::Once, thread, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::setup::TelemetryError;

/// How long one export may take.
const EXPORT: Duration = Duration::from_secs(5);
/// How long [`Traces::shutdown`] may take.
const SHUTDOWN: Duration = Duration::from_secs(3);
/// Spans that wait to be sent; the next are dropped, and the SDK says so.
const WAITING_SPANS: usize = 8192;
/// Where the signal of traces goes, below the endpoint.
const PATH: &str = "/v1/traces";
/// What exporting itself would trace: an export must not cause the next.
const ITS_OWN: [&str; 6] = ["hyper", "h2", "reqwest", "rustls", "opentelemetry", "tower"];

/// Installs the process' TLS provider. Every client over TLS needs it; safe to call again.
pub fn ensure_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that somebody else installed one: theirs serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

/// The sending side.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    pub(crate) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SHUTDOWN) {
            tracing::warn!(%error, "traces may be missing: could not send the last of them");
        }
    }
}

type Layers<S> = (Box<dyn Layer<S> + Send + Sync>, Traces);

pub(crate) fn traces<S>(service: &'static str, endpoint: &str) -> Result<Layers<S>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    ensure_crypto();
    let refused = |reason: String| TelemetryError::Exporter { endpoint: endpoint.to_owned(), reason };
    let client = blocking_client().map_err(refused)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url(endpoint))
        .with_timeout(EXPORT)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING_SPANS).build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let provider = SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource(service)).build();
    let filter = filter_fn(is_traced).with_max_level_hint(Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("piton")).with_filter(filter).boxed();
    Ok((layer, Traces { provider }))
}

/// A blocking client has a runtime of its own inside, which may not be made or dropped within another.
fn blocking_client() -> Result<reqwest::blocking::Client, String> {
    let build = || reqwest::blocking::Client::builder().timeout(EXPORT).build();
    let built = thread::spawn(build).join().map_err(|_| "its client panicked".to_owned())?;
    built.map_err(|error| error.to_string())
}

fn resource(service: &'static str) -> Resource {
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    // The builder has read the environment, and what a person set there counts more.
    match env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource.build(),
        None => resource.with_service_name(service).build(),
    }
}

fn url(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

fn is_traced(metadata: &Metadata<'_>) -> bool {
    let source = metadata.target().split("::").next().unwrap_or_default();
    let own = ITS_OWN.iter().any(|name| source == *name || source.starts_with("opentelemetry"));
    *metadata.level() <= Level::INFO && !own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_a_base_or_the_whole() {
        assert_eq!(url("http://h:4318"), "http://h:4318/v1/traces");
        assert_eq!(url("http://h:4318/"), "http://h:4318/v1/traces");
        assert_eq!(url("http://h/otlp/v1/traces"), "http://h/otlp/v1/traces");
    }
}
