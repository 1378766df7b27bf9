//! NARs: whole, or a range. Nix takes up a download that broke off by asking for the rest (`filetransfer.cc`), and only
//! from who says `Accept-Ranges` and encodes nothing.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_range_header::parse_range_header;

use crate::{Nar, NarName, answer};

/// A year: a name stands for one content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

/// What a request gets of a NAR.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes { start: u64, end: u64 },
    Unsatisfiable,
    NotModified,
}

/// Answers a request for a NAR.
pub(crate) async fn send<N: Nar>(nar: N, name: &NarName, method: &Method, headers: &HeaderMap) -> Response {
    let size = nar.size();
    let etag = format!("\"{name}-{size}\"");
    let (start, end, status) = match part(method, headers, &etag, size) {
        Part::Whole => (0, size, StatusCode::OK),
        Part::Bytes { start, end } => (start, end, StatusCode::PARTIAL_CONTENT),
        Part::NotModified => return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response(),
        Part::Unsatisfiable => {
            let range = format!("bytes */{size}");
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, range)]).into_response();
        }
    };
    let body = if *method == Method::HEAD || start == end {
        Body::empty()
    } else {
        match nar.read(start..end).await {
            Ok(Some(bytes)) => Body::from_stream(bytes),
            Ok(None) => return answer::missing(),
            Err(error) => return answer::failed(&error),
        }
    };
    let fixed = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-nix-nar")),
        (CONTENT_LENGTH, HeaderValue::from(end - start)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CACHE_CONTROL, IMMUTABLE),
    ];
    let mut response = (status, fixed, [(ETAG, etag)], body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = HeaderValue::try_from(format!("bytes {start}-{}/{size}", end - 1))
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

/// Preconditions and ranges (RFC 9110, sections 13 and 14). What is malformed, or names several ranges, asks for all.
fn part(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known = |tags: &str| tags.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag);
    if text(IF_NONE_MATCH).is_some_and(known) {
        return Part::NotModified;
    }
    if *method != Method::GET || text(IF_RANGE).is_some_and(|tag| tag.trim() != etag) {
        return Part::Whole;
    }
    let Some(Ok(asked)) = text(RANGE).map(parse_range_header) else { return Part::Whole };
    match asked.validate(size).as_deref() {
        Ok([one]) => Part::Bytes { start: *one.start(), end: one.end() + 1 },
        Ok(_) => Part::Whole,
        Err(_) => Part::Unsatisfiable,
    }
}
