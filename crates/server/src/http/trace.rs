//! Traces: a request as part of what its client is doing. Without a layer that collects them this costs a look for one
//! header. Source: W3C Trace Context.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// Puts the span below the one that the request names, if it names one.
pub(super) fn follow(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        // It fails where nobody collects traces.
        let _ = span.set_parent(PROPAGATOR.extract(&HeaderExtractor(headers)));
    }
}

/// Notes something about the request, for traces alone: lines of the log do not repeat it.
pub(super) fn note(span: &Span, name: &'static str, value: impl Into<opentelemetry::Value>) {
    span.set_attribute(name, value);
}
