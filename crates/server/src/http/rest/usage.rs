//! What a repository uses, and what it may.

use axum::Json;
use axum::extract::State;
use snowbank_actions::messages::rest::{CacheUsage, StorageLimit};

use super::Visit;
use super::failure::Failure;
use crate::service::Service;

/// `GET .../cache/usage`.
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

/// `GET .../cache/storage-limit`.
pub(super) async fn limit(
    State(service): State<Service>,
    Visit(visitor): Visit,
) -> Result<Json<StorageLimit>, Failure> {
    Ok(Json(StorageLimit::of(service.repository_usage(&visitor).await?.limit)))
}
