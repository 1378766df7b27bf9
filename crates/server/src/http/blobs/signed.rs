//! The credential in a blob's URL.

use std::borrow::Cow;

use axum::http::Uri;
use snowbank_actions::query::Query;

use crate::service::{Direction, Kind, Result, Service, ServiceError};

/// Checks the URL's signature and returns the number that it is good for. The signature's parameters stand anywhere
/// in the query: OpenDAL puts its own before them.
pub(super) fn check(service: &Service, direction: Direction, uri: &Uri) -> Result<i64> {
    let id = uri.path().rsplit('/').next().and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| ServiceError::new(Kind::NotFound, "there is no such blob"))?;
    service.check_url(direction, id, &parameter(uri, "se"), &signature(uri))?;
    Ok(id)
}

/// The URL's signature, be it right or wrong.
pub(super) fn signature(uri: &Uri) -> Cow<'_, str> {
    parameter(uri, "sig")
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Cow<'a, str> {
    Query::new(uri.query().unwrap_or_default()).literal(name).unwrap_or_default()
}
