//! Caches: list, delete.

use axum::Json;
use axum::extract::{OriginalUri, RawPathParams, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use snowbank_actions::messages::rest::{Cache, CacheList};
use snowbank_actions::query::Query;
use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Entry, SortBy};

use super::failure::Failure;
use super::pages::Page;
use super::visit::Visit;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::{CacheQuery, Service};

/// `GET .../caches?per_page=N&page=N&ref=R&key=K&sort=S&direction=D`: a page of caches whose key is, or begins with, `key`.
pub(super) async fn list(
    State(service): State<Service>,
    Visit(visitor): Visit,
    site: Site,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let page = Page::read(&query)?;
    let listed = service.repository_caches(&visitor, &wanted(&query, page)?).await?;
    let caches = listed.entries.into_iter().map(|(_, entry)| cache(entry)).collect();
    let list = CacheList { total_count: listed.total, actions_caches: caches };
    let mut response = Json(list).into_response();
    page.link(&mut response, listed.total, &site.url(&service, uri.path()), &query);
    Ok(response)
}

/// `DELETE .../caches?key=K&ref=R`: those of exactly this key. Answers with what was deleted.
pub(super) async fn delete_by_key(
    State(service): State<Service>,
    Visit(visitor): Visit,
    RawQuery(query): RawQuery,
) -> Result<Json<CacheList>, Failure> {
    let query = query.unwrap_or_default();
    let text = |name| Query::new(&query).form(name);
    let key = text("key").ok_or_else(|| Failure::invalid("`key` says which caches, and is not there"))?;
    let deleted = service.delete_by_key(&visitor, &key, text("ref").as_ref()).await?;
    let caches: Vec<Cache> = deleted.into_iter().map(cache).collect();
    Ok(Json(CacheList { total_count: caches.len() as u64, actions_caches: caches }))
}

/// `DELETE .../caches/<id>`: 204.
pub(super) async fn delete_one(
    State(service): State<Service>,
    Visit(visitor): Visit,
    path: RawPathParams,
) -> Result<StatusCode, Failure> {
    let id = path.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.parse().ok());
    let id = id.ok_or_else(|| Failure::not_found("the id of a cache is a number"))?;
    service.delete_repository_cache(&visitor, EntryId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(query: &str, page: Page) -> Result<CacheQuery, Failure> {
    let text = |name| Query::new(query).form(name);
    let sort = match text("sort").as_deref() {
        None | Some("last_accessed_at") => SortBy::Accessed,
        Some("created_at") => SortBy::Created,
        Some("size_in_bytes") => SortBy::Size,
        Some(_) => return Err(Failure::invalid("`sort` is created_at, last_accessed_at or size_in_bytes")),
    };
    let descending = match text("direction").as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => return Err(Failure::invalid("`direction` is asc or desc")),
    };
    let filled = |name| text(name).filter(|text| !text.is_empty());
    Ok(CacheQuery {
        key_prefix: filled("key"),
        scope: filled("ref"),
        sort,
        descending,
        offset: page.offset(),
        limit: page.limit(),
    })
}

fn cache(entry: Entry) -> Cache {
    Cache {
        // Numbers of entries begin at 1.
        id: entry.id.0.unsigned_abs(),
        scope: entry.slot.scope,
        key: entry.slot.key,
        version: entry.slot.version,
        last_accessed_at: rfc3339(entry.accessed),
        created_at: rfc3339(entry.created),
        size_in_bytes: entry.size,
    }
}
