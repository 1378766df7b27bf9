//! What repositories may have: of one, of an organization's, of all.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use snowbank_actions::messages::rest::{Amount, RetentionLimit, SetLimits, StorageLimit, UsagePolicy};

use super::failure::Failure;
use super::visit::Managed;
use crate::http::body;
use crate::service::{LimitsOn, Service, Wanted};

/// Bytes of a body at the most.
const MAX_BODY: usize = 16 << 10;

/// `GET .../cache/storage-limit`.
pub(super) async fn storage(
    State(service): State<Service>,
    managed: Managed,
) -> Result<Json<StorageLimit>, Failure> {
    let (size, ..) = service.limits_on(&managed.on).await?;
    Ok(Json(StorageLimit { max_cache_size_gb: Amount::of(size) }))
}

/// `PUT .../cache/storage-limit`: 204.
pub(super) async fn set_storage(
    State(service): State<Service>,
    managed: Managed,
    body: Body,
) -> Result<StatusCode, Failure> {
    let size = read(&service, body).await?.max_cache_size_gb.ok_or_else(|| missing("max_cache_size_gb"))?;
    set(&service, &managed, Wanted { size: Some(count(size)?), ..Wanted::default() }).await
}

/// `GET .../cache/retention-limit`.
pub(super) async fn retention(
    State(service): State<Service>,
    managed: Managed,
) -> Result<Json<RetentionLimit>, Failure> {
    let (.., retention) = service.limits_on(&managed.on).await?;
    Ok(Json(RetentionLimit { max_cache_retention_days: Amount::of(retention) }))
}

/// `PUT .../cache/retention-limit`: 204.
pub(super) async fn set_retention(
    State(service): State<Service>,
    managed: Managed,
    body: Body,
) -> Result<StatusCode, Failure> {
    let days = read(&service, body)
        .await?
        .max_cache_retention_days
        .ok_or_else(|| missing("max_cache_retention_days"))?;
    set(&service, &managed, Wanted { retention: Some(count(days)?), ..Wanted::default() }).await
}

/// `GET .../cache/usage-policy`, as GitHub Enterprise Server has it.
pub(super) async fn policy(
    State(service): State<Service>,
    managed: Managed,
) -> Result<Json<UsagePolicy>, Failure> {
    let (size, max, _) = service.limits_on(&managed.on).await?;
    Ok(Json(UsagePolicy {
        repo_cache_size_limit_in_gb: Amount::of(size),
        max_repo_cache_size_limit_in_gb: (managed.on == LimitsOn::Server).then(|| Amount::of(max)),
    }))
}

/// `PATCH .../cache/usage-policy`: 204.
pub(super) async fn set_policy(
    State(service): State<Service>,
    managed: Managed,
    body: Body,
) -> Result<StatusCode, Failure> {
    let SetLimits { repo_cache_size_limit_in_gb, max_repo_cache_size_limit_in_gb, .. } =
        read(&service, body).await?;
    if max_repo_cache_size_limit_in_gb.is_some() && managed.on != LimitsOn::Server {
        return Err(Failure::bad("`max_repo_cache_size_limit_in_gb` is an enterprise's alone"));
    }
    if repo_cache_size_limit_in_gb.is_none() && max_repo_cache_size_limit_in_gb.is_none() {
        return Err(missing("repo_cache_size_limit_in_gb"));
    }
    let wanted = Wanted {
        size: repo_cache_size_limit_in_gb.map(count).transpose()?,
        max_size: max_repo_cache_size_limit_in_gb.map(count).transpose()?,
        retention: None,
    };
    set(&service, &managed, wanted).await
}

async fn set(service: &Service, managed: &Managed, wanted: Wanted) -> Result<StatusCode, Failure> {
    match service.set_limits(managed.right, &managed.on, wanted).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(Failure::of_limits(error)),
    }
}

async fn read(service: &Service, body: Body) -> Result<SetLimits, Failure> {
    let body = body::read(body, MAX_BODY, service.settings().times.body_idle.0).await;
    let body = body.map_err(|error| Failure::bad(error.to_string()))?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::bad(format!("the body is not as it should be: {error}")))
}

/// Bytes or milliseconds; nothing where a limit is to go.
fn count<const UNIT: u64>(amount: Option<Amount<UNIT>>) -> Result<Option<u64>, Failure> {
    let count = |amount: Amount<UNIT>| amount.count().ok_or_else(|| Failure::bad("this is no limit"));
    amount.map(count).transpose()
}

fn missing(field: &str) -> Failure {
    Failure::bad(format!("`{field}` says how much, and is not there"))
}
