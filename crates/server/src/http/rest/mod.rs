//! GitHub's REST API for caches, for gh and whoever else knows it. `Authorization` is `Bearer TOKEN`, `token TOKEN` or a
//! login whose password the token is; a token is one of this server: an administrator's, one to manage caches, or a job's.
//! An organization is who owns repositories, and every enterprise is this server.
//!
//! Source: GitHub's REST reference, "GitHub Actions cache", of github.com and of GitHub Enterprise Server.

mod caches;
mod failure;
mod limits;
mod pages;
mod usage;
mod visit;

use axum::Router;
use axum::routing::{delete, get};

use crate::service::Service;
pub(super) use failure::no_such_call;

/// The paths under `/repos`.
pub(super) fn repositories() -> Router<Service> {
    let caches = "/{owner}/{name}/actions/caches";
    let routes = limits("/{owner}/{name}")
        .route(caches, get(caches::list).delete(caches::delete_by_key))
        .route(&format!("{caches}/{{id}}"), delete(caches::delete_one))
        .route("/{owner}/{name}/actions/cache/usage", get(usage::of_repository));
    and_nothing_else(routes)
}

/// The paths under `/orgs` and, as GitHub has it for limits, `/organizations`.
pub(super) fn organizations() -> Router<Service> {
    and_nothing_else(of_many("/{org}"))
}

/// The paths under `/enterprises`.
pub(super) fn enterprises() -> Router<Service> {
    and_nothing_else(of_many("/{enterprise}"))
}

fn of_many(whose: &str) -> Router<Service> {
    limits(whose)
        .route(&format!("{whose}/actions/cache/usage"), get(usage::of_all))
        .route(&format!("{whose}/actions/cache/usage-by-repository"), get(usage::by_repository))
}

fn limits(whose: &str) -> Router<Service> {
    let path = |name: &str| format!("{whose}/actions/cache/{name}");
    Router::new()
        .route(&path("storage-limit"), get(limits::storage).put(limits::set_storage))
        .route(&path("retention-limit"), get(limits::retention).put(limits::set_retention))
        .route(&path("usage-policy"), get(limits::policy).patch(limits::set_policy))
}

fn and_nothing_else(routes: Router<Service>) -> Router<Service> {
    routes.fallback(no_such_call).method_not_allowed_fallback(no_such_call)
}
