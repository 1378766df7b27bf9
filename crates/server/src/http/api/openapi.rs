//! What there is here, for programs: an OpenAPI document. It is kept by hand, as what is sent is written by hand; tests
//! hold it against the routes, and against what a server answers.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::http::content_type::JSON;

/// The document.
pub(in crate::http) const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`.
pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, "public, max-age=3600")], DOCUMENT)
}
