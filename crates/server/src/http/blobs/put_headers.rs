//! What every answer to an upload carries. buildkit's client crashes without `x-ms-request-id`, and others read the
//! rest where it is there.

use std::time::SystemTime;

use axum::http::header::{ETAG, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::request_id::RequestId;

pub(super) const MS_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
pub(super) const MS_VERSION: HeaderName = HeaderName::from_static("x-ms-version");
/// A version of Azure's protocol; clients ask for several and compare none.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("2022-11-02");

/// The headers of a request that was done.
pub(super) fn of(id: RequestId) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    let mut put = |name, text: String| HeaderValue::try_from(text).map(|value| headers.insert(name, value));
    // Sixteen digits and a date are always values of headers.
    let _ = put(MS_REQUEST_ID, id.to_string());
    let _ = put(ETAG, format!("\"0x{id}\""));
    let _ = put(LAST_MODIFIED, httpdate::fmt_http_date(SystemTime::now()));
    headers.insert(MS_VERSION, VERSION);
    headers
}
