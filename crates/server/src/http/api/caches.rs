//! Entries: list, delete, usage.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use snowbank_actions::query::Query;
use snowbank_catalog::ids::EntryId;

use super::failure::Failure;
use super::named::Named;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::{CacheFilter, CacheRow, Service, UsageRow};

/// Rows of a page, if the caller does not say.
const PAGE: u64 = 30;
/// Rows of a page at the most.
const MAX_PAGE: u64 = 1000;

/// `GET /caches?repo=O/N&key=K&key_prefix=P&ref=R&limit=N&offset=N`: the latest used first.
pub(super) async fn list(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    site.admin(&service).await?;
    let query = query.unwrap_or_default();
    let limit = number(&query, "limit")?.unwrap_or(PAGE).min(MAX_PAGE);
    let offset = number(&query, "offset")?.unwrap_or(0).min(i64::MAX.unsigned_abs());
    let (total, rows) = service.caches(&filter(&query), offset, limit).await?;
    let rows: Vec<Value> = rows.into_iter().map(row).collect();
    Ok(Json(json!({ "total_count": total, "caches": rows })))
}

/// `DELETE /caches?...`, with the filter of [`list`]; one that means everything is refused.
pub(super) async fn delete_matching(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let admin = site.admin(&service).await?;
    let deleted = service.delete_caches(&filter(&query.unwrap_or_default()), &admin).await?;
    Ok(Json(json!({ "deleted": deleted })))
}

/// `DELETE /caches/<id>`.
pub(super) async fn delete_one(
    State(service): State<Service>,
    site: Site,
    Named(id): Named<String>,
) -> Result<Json<Value>, Failure> {
    let admin = site.admin(&service).await?;
    let id = id.parse().map_err(|_| Failure::bad_request("the id of a cache is a number"))?;
    service.delete_cache(EntryId(id), &admin).await?;
    Ok(Json(json!({ "deleted": 1 })))
}

/// `GET /usage`: each repository's share, and the disk's.
pub(super) async fn usage(State(service): State<Service>, site: Site) -> Result<Json<Value>, Failure> {
    site.admin(&service).await?;
    let repository = |UsageRow { repository, entries, bytes, limit }: UsageRow| json!({ "repository": repository, "entries": entries, "bytes": bytes, "limit": limit });
    let repositories: Vec<Value> = service.cache_usage().await?.into_iter().map(repository).collect();
    let (uploads, packs) = service.disk_usage().await?;
    Ok(Json(json!({
        "repositories": repositories,
        "disk": { "uploads_bytes": uploads, "packs_bytes": packs },
        "recoding": service.recoding().await?,
    })))
}

fn row(CacheRow { repository, entry }: CacheRow) -> Value {
    json!({
        "id": entry.id.0,
        "repository": repository,
        "ref": entry.slot.scope,
        "key": entry.slot.key,
        "version": entry.slot.version,
        "size_in_bytes": entry.size,
        "created_at": rfc3339(entry.created),
        "last_accessed_at": rfc3339(entry.accessed),
    })
}

fn filter(query: &str) -> CacheFilter {
    let text = |name| Query::new(query).form(name);
    CacheFilter {
        repository: text("repo"),
        key_prefix: text("key_prefix"),
        key: text("key"),
        scope: text("ref"),
    }
}

pub(super) fn number(query: &str, name: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = Query::new(query).form(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Failure::bad_request(format!("`{name}` is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_from_the_query() {
        let expected = CacheFilter {
            repository: Some("acme/app".into()),
            key_prefix: Some("a b".into()),
            key: None,
            scope: Some("refs/heads/main".into()),
        };
        assert_eq!(filter("repo=acme%2Fapp&key_prefix=a+b&ref=refs/heads/main&limit=3"), expected);
        assert_eq!(filter(""), CacheFilter::default());
    }

    #[test]
    fn numbers_are_numbers() {
        assert_eq!(number("limit=3", "limit").unwrap(), Some(3));
        assert_eq!(number("", "limit").unwrap(), None);
        assert!(number("limit=x", "limit").is_err());
    }
}
