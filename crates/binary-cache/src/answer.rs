//! Answers that are small.

use std::error::Error;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use snowbank_nix::nar_info::NarInfo;
use snowbank_nix::store_path::StoreDir;

use crate::About;

/// What is said of a cache.
pub(crate) fn about(About { dir, priority }: &About) -> Response {
    let text = format!("StoreDir: {}\nWantMassQuery: 1\nPriority: {priority}\n", dir.as_str());
    ([(CONTENT_TYPE, "text/x-nix-cache-info")], text).into_response()
}

/// What is said of a path. It may change: signatures come, and whole paths go.
pub(crate) fn info(info: &NarInfo, dir: &StoreDir) -> Response {
    let headers = [(CONTENT_TYPE, "text/x-nix-narinfo"), (CACHE_CONTROL, "no-cache")];
    (headers, info.to_text(dir)).into_response()
}

/// What is in a path's NAR.
pub(crate) fn listing(json: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], json).into_response()
}

/// There is no such thing.
pub(crate) fn missing() -> Response {
    (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain")], "there is no such file in this cache\n")
        .into_response()
}

/// It is there and cannot be served. Nix tries such a request again.
pub(crate) fn failed(error: &(dyn Error + 'static)) -> Response {
    tracing::warn!(error, "a file of the binary cache could not be served");
    (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], "the file cannot be read now\n")
        .into_response()
}
