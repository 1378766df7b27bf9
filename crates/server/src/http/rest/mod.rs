//! GitHub's REST API for caches, for gh and whoever else knows it. `Authorization` is `Bearer TOKEN` or `token TOKEN`;
//! a token is one of this server, an administrator's or a job's.
//!
//! Source: GitHub's REST reference, "GitHub Actions cache".

mod caches;
mod failure;
mod pages;
mod usage;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::routing::{delete, get};

use super::site::Site;
use crate::service::{Service, Visitor};
use failure::Failure;
pub(super) use failure::no_such_call;

/// The paths under `/repos`.
pub(super) fn repositories() -> Router<Service> {
    Router::new()
        .route("/{owner}/{name}/actions/caches", get(caches::list).delete(caches::delete_by_key))
        .route("/{owner}/{name}/actions/caches/{id}", delete(caches::delete_one))
        .route("/{owner}/{name}/actions/cache/usage", get(usage::of_repository))
        .route("/{owner}/{name}/actions/cache/storage-limit", get(usage::limit))
        .fallback(no_such_call)
        .method_not_allowed_fallback(no_such_call)
}

/// Who asks, about the repository of the path.
struct Visit(Visitor);

impl FromRequestParts<Service> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Failure> {
        let site = Site::from_request_parts(parts, service).await.unwrap_or_else(|never| match never {});
        let path = axum::extract::RawPathParams::from_request_parts(parts, service).await;
        let path = path.map_err(|_| Failure::not_found("there is no such repository"))?;
        let part = |name| path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        let repository = format!("{}/{}", part("owner"), part("name"));
        Ok(Self(site.visitor(service, &repository).await?))
    }
}
