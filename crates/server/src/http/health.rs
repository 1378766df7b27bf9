//! Whether this process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::content_type::PLAIN;
use crate::service::{Health, Service};

/// `GET /healthz`: 200 whenever the process answers. Starting it anew would not bring a database back.
pub(super) async fn healthz() -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, PLAIN)], "ok\n").into_response()
}

/// `GET /readyz`: 200 when requests may be sent here, else 503; either way what is the matter with each part. Causes
/// are in the log: anybody may ask.
pub(super) async fn readyz(State(service): State<Service>) -> Response {
    let health = service.health().await;
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let Health { database, storage, disk, stopping } = &health;
    let said = |part: &Option<&'static str>| part.unwrap_or("ok");
    let body = Json(json!({
        "ready": health.is_ready(),
        "database": said(database),
        "storage": said(storage),
        "disk": said(disk),
        "stopping": stopping,
    }));
    (status, [(CACHE_CONTROL, "no-store")], body).into_response()
}
