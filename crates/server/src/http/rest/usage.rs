//! What caches come to: of a repository, of an organization's, of all.

use axum::Json;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::{IntoResponse, Response};
use snowbank_actions::messages::rest::{CacheUsage, TotalUsage, UsageByRepository};

use super::failure::Failure;
use super::pages::Page;
use super::visit::{Managed, Visit};
use crate::http::site::Site;
use crate::service::Service;

/// `GET /repos/.../cache/usage`.
pub(super) async fn of_repository(
    State(service): State<Service>,
    Visit(visitor): Visit,
) -> Result<Json<CacheUsage>, Failure> {
    let usage = service.repository_usage(&visitor).await?;
    Ok(Json(CacheUsage {
        full_name: usage.repository,
        active_caches_size_in_bytes: usage.bytes,
        active_caches_count: usage.entries,
    }))
}

/// `GET /orgs/<org>/actions/cache/usage` and `GET /enterprises/<any>/actions/cache/usage`.
pub(super) async fn of_all(
    State(service): State<Service>,
    managed: Managed,
) -> Result<Json<TotalUsage>, Failure> {
    let holdings = service.usage_in_all(managed.owner()).await?.holdings;
    Ok(Json(TotalUsage {
        total_active_caches_size_in_bytes: holdings.bytes,
        total_active_caches_count: holdings.entries,
    }))
}

/// `GET .../cache/usage-by-repository`: a page of repositories that have caches, by name.
pub(super) async fn by_repository(
    State(service): State<Service>,
    managed: Managed,
    site: Site,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let page = Page::read(&query)?;
    let total = service.usage_in_all(managed.owner()).await?.repositories;
    let usage = service.usage_by_repository(managed.owner(), page.offset(), page.limit()).await?;
    let row = |usage: snowbank_catalog::rooms::Usage| CacheUsage {
        full_name: usage.repository.name,
        active_caches_size_in_bytes: usage.bytes,
        active_caches_count: usage.entries,
    };
    let list = UsageByRepository {
        total_count: total,
        repository_cache_usages: usage.into_iter().map(row).collect(),
    };
    let mut response = Json(list).into_response();
    page.link(&mut response, total, &site.url(&service, uri.path()), &query);
    Ok(response)
}
