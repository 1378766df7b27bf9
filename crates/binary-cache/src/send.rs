//! Bytes that are stored: whole, or a range. Nix takes up a download that broke off by asking for the rest
//! (`filetransfer.cc`), and only from who says `Accept-Ranges` and encodes nothing.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_range_header::parse_range_header;

use crate::{Content, answer};

/// A year: a name stands for one content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");
/// It may be pushed again.
const CHANGING: HeaderValue = HeaderValue::from_static("no-cache");

/// What is said of the bytes.
pub(crate) struct Named<'a> {
    pub(crate) content_type: &'static str,
    /// What the bytes follow from, if they do.
    pub(crate) stands_for: Option<&'a str>,
}

/// What a request gets of it.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes { start: u64, end: u64 },
    Unsatisfiable,
    NotModified,
}

/// Answers a request for something that is there.
pub(crate) async fn send<C: Content>(
    content: C,
    named: &Named<'_>,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let size = content.size();
    let etag = named.stands_for.map(|name| format!("\"{name}-{size}\""));
    let tag = etag.as_ref().and_then(|etag| HeaderValue::try_from(etag).ok()).map(|tag| [(ETAG, tag)]);
    let (start, end, status) = match part(method, headers, etag.as_deref().unwrap_or_default(), size) {
        Part::Whole => (0, size, StatusCode::OK),
        Part::Bytes { start, end } => (start, end, StatusCode::PARTIAL_CONTENT),
        Part::NotModified => {
            return (StatusCode::NOT_MODIFIED, tag.into_iter().flatten().collect::<HeaderMap>())
                .into_response();
        }
        Part::Unsatisfiable => {
            let range = format!("bytes */{size}");
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, range)]).into_response();
        }
    };
    let body = if *method == Method::HEAD || start == end {
        Body::empty()
    } else {
        match content.read(start..end).await {
            Ok(Some(bytes)) => Body::from_stream(bytes),
            Ok(None) => return answer::missing(),
            Err(error) => return answer::failed(&error),
        }
    };
    let fixed = [
        (CONTENT_TYPE, HeaderValue::from_static(named.content_type)),
        (CONTENT_LENGTH, HeaderValue::from(end - start)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CACHE_CONTROL, if tag.is_some() { IMMUTABLE } else { CHANGING }),
    ];
    let mut response = (status, fixed, body).into_response();
    response.headers_mut().extend(tag.into_iter().flatten());
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = HeaderValue::try_from(format!("bytes {start}-{}/{size}", end - 1))
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

/// Preconditions and ranges (RFC 9110, sections 13 and 14). What is malformed, or names several ranges, asks for all.
/// Without a tag nothing is known to be the same.
fn part(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known = |tags: &str| {
        !etag.is_empty() && tags.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag)
    };
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
