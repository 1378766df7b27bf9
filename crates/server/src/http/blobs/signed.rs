//! The credential in a blob's URL.

use axum::http::Uri;
use snowbank_actions::query::Query;

use crate::service::{Direction, Kind, Result, Service, ServiceError};

/// Checks the URL's signature and returns the number that it is good for. The signature's parameters stand anywhere
/// in the query: OpenDAL puts its own before them.
pub(super) fn check(service: &Service, direction: Direction, uri: &Uri) -> Result<i64> {
    let id = uri.path().rsplit('/').next().and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| ServiceError::new(Kind::NotFound, "there is no such blob"))?;
    let query = Query::new(uri.query().unwrap_or_default());
    let parameter = |name| query.literal(name).unwrap_or_default();
    service.check_url(direction, id, &parameter("se"), &parameter("sig"))?;
    Ok(id)
}
