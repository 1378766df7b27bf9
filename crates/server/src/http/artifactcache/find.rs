//! Finding and listing.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use snowbank_actions::keys::{lookup_keys, validate_version};
use snowbank_actions::messages::v1::{ArtifactCache, ArtifactCacheList};
use snowbank_actions::query::Query;
use snowbank_catalog::rooms::Protocol;

use super::failure::Failure;
use crate::http::content_type::JSON;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::{Caller, Outcome, Service};

/// Entries of a list at the most; the npm client prints them all.
const LIST: u64 = 100;

/// `GET cache?keys=K,K2&version=V`: 200 with the entry, or 204.
pub(super) async fn find(
    service: &Service,
    site: &Site,
    caller: &Caller,
    query: &str,
) -> Result<Response, Failure> {
    let query = Query::new(query);
    let keys = query.form("keys").unwrap_or_default();
    let version = query.form("version").unwrap_or_default();
    let mut keys = keys.split(',');
    let keys = lookup_keys(keys.next().unwrap_or_default(), keys)?;
    validate_version(&version)?;
    let found = service.lookup(caller, Protocol::V1, &keys, &version).await?;
    site.looked_up(service, Outcome::of(found.as_ref(), &keys));
    let Some(found) = found else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    Ok(json(
        StatusCode::OK,
        &ArtifactCache {
            cache_key: found.key,
            scope: found.scope,
            cache_version: found.version,
            creation_time: rfc3339(found.created),
            archive_location: Some(site.download(service, &found.path)),
        },
    ))
}

/// `GET caches?key=PREFIX`: what the caller can see, which the npm client prints after a miss in debug runs.
pub(super) async fn list(service: &Service, caller: &Caller, query: &str) -> Result<Response, Failure> {
    let prefix = Query::new(query).form("key").unwrap_or_default();
    let listed = service.visible(caller, &prefix, LIST).await?;
    let item = |(_, entry): (String, snowbank_catalog::rooms::Entry)| ArtifactCache {
        cache_key: entry.slot.key,
        scope: entry.slot.scope,
        cache_version: entry.slot.version,
        creation_time: rfc3339(entry.created),
        archive_location: None,
    };
    let artifact_caches = listed.entries.into_iter().map(item).collect();
    Ok(json(StatusCode::OK, &ArtifactCacheList { total_count: listed.total, artifact_caches }))
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Texts and numbers always have a JSON form.
    (status, [(CONTENT_TYPE, JSON)], serde_json::to_vec(body).unwrap_or_default()).into_response()
}
