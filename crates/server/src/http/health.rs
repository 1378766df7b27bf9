//! Whether this process can serve.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::content_type::PLAIN;
use super::fault;
use crate::service::Service;

/// `GET /healthz`: 200 when the database answers, else 503.
pub(super) async fn healthz(State(service): State<Service>) -> Response {
    let (status, text) = match service.healthy().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            fault::report(&error);
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable\n")
        }
    };
    (status, [(CONTENT_TYPE, PLAIN)], text).into_response()
}
