//! The context of a trace, as it travels: W3C `traceparent`, without `tracestate`.
//!
//! Where no traces are made (no endpoint configured, or without the feature `otlp`) nothing is read or written.
//! What came from a caller is then passed on as it came, by whoever stores it with the run.

use tracing::Span;

/// Bytes of a `traceparent` of version 00: `00-<32>-<16>-<2>`.
const BYTES: usize = 55;

/// Whether a text is a `traceparent` of version 00 with ids that are not zero. What comes from outside is
/// checked by it before it is stored.
pub fn is_well_formed(traceparent: &str) -> bool {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace, span, flags] = parts[..] else {
        return false;
    };
    let lower_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let not_zero = |part: &str| part.bytes().any(|byte| byte != b'0');
    traceparent.len() == BYTES
        && version == "00"
        && (trace.len(), span.len(), flags.len()) == (32, 16, 2)
        && [trace, span, flags].into_iter().all(lower_hex)
        && [trace, span].into_iter().all(not_zero)
}

/// The context of the span that is entered now, to be sent along with a message; none outside of a trace.
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// The context of a span, to be sent along with a message; none where no traces are made.
#[cfg(feature = "otlp")]
pub fn traceparent_of(span: &Span) -> Option<String> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    let flags = span.trace_flags().to_u8();
    span.is_valid().then(|| format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()))
}

/// The context of a span, to be sent along with a message; none where no traces are made.
#[cfg(not(feature = "otlp"))]
pub fn traceparent_of(_span: &Span) -> Option<String> {
    None
}

/// Hangs a span below the one that a message came from. Call it before the span is entered; anything that is
/// not [well formed](is_well_formed) is ignored.
#[cfg(feature = "otlp")]
pub fn set_parent(span: &Span, traceparent: &str) {
    use std::collections::HashMap;

    use opentelemetry::propagation::TextMapPropagator as _;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if is_well_formed(traceparent) {
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        let parent = TraceContextPropagator::new().extract(&carrier);
        // Refused when no traces are made or the span was entered before: a missing link, nothing worse.
        if let Err(error) = span.set_parent(parent) {
            tracing::trace!(%error, "the span stays without its parent");
        }
    }
}

/// Does nothing: this build makes no traces.
#[cfg(not(feature = "otlp"))]
pub fn set_parent(_span: &Span, _traceparent: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_w3c_calls_valid_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_well_formed(good));
        let bad = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ];
        for text in bad {
            assert!(!is_well_formed(text), "{text}");
        }
    }

    #[test]
    fn without_traces_nothing_is_carried() {
        let span = tracing::info_span!("alone");
        set_parent(&span, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(span.in_scope(current_traceparent), None);
    }
}
