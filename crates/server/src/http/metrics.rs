//! Metrics as text.

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::content_type::PLAIN;
use super::fault;
use super::site::Site;
use crate::service::{Exposition, Kind, Service};

/// Source: the OpenMetrics specification, "Overall structure".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Source: Prometheus' documentation, "Exposition formats".
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics` among everything else: for administrators, unless the settings say that everybody may. An address says
/// nothing: behind a proxy on the same machine everybody comes from a loopback address.
pub(super) async fn guarded(service: State<Service>, site: Site, headers: HeaderMap) -> Response {
    if !service.settings().metrics.public
        && let Err(error) = site.admin(&service).await
    {
        fault::report(&error);
        let status = match error.kind() {
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::PermissionDenied => StatusCode::FORBIDDEN,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let said = format!("metrics name repositories: {error}\n");
        return (status, [(CONTENT_TYPE, PLAIN), (WWW_AUTHENTICATE, "Bearer")], said).into_response();
    }
    open(service, headers).await
}

/// `GET /metrics` at an address of its own.
pub(super) async fn open(State(service): State<Service>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Prometheus asks for it first, where it can read it; a browser and curl do not.
    let (form, content_type) = if accept.contains("application/openmetrics-text") {
        (Exposition::OpenMetrics, OPEN_METRICS)
    } else {
        (Exposition::Prometheus, CLASSIC)
    };
    ([(CONTENT_TYPE, content_type)], service.metrics_text(form).await).into_response()
}
