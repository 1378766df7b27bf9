//! What a token is good for.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use snowbank_actions::query::Query;

use super::failure::Failure;
use crate::http::site::Site;
use crate::service::{Grant, Identity, Service};

/// `GET /rights?cache=NAME`: who the bearer of the token is, and what he may do with a binary cache. Whether there is
/// such a cache is not told: who may nothing must not learn it.
pub(super) async fn rights(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let identity = site.identity(&service).await?;
    let query = query.unwrap_or_default();
    let Some(cache) = Query::new(&query).form("cache") else {
        return Err(Failure::bad_request("say which: ?cache=NAME"));
    };
    let subject = identity.as_ref().map(Identity::subject);
    let Grant { pull, push, pin, admin, view } = service.may(identity.as_ref(), &cache);
    Ok(Json(json!({
        "subject": subject, "cache": cache, "pull": pull, "push": push, "pin": pin, "admin": admin, "view": view,
    })))
}
