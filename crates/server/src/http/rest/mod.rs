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

use super::calls::Calls;
pub(super) use failure::no_such_call;

/// The paths under `/repos`.
pub(super) fn repositories() -> Calls {
    let caches = "/{owner}/{name}/actions/caches";
    let routes = limits("/{owner}/{name}")
        .get(caches, caches::list)
        .delete(caches, caches::delete_by_key)
        .delete(&format!("{caches}/{{id}}"), caches::delete_one)
        .get("/{owner}/{name}/actions/cache/usage", usage::of_repository);
    and_nothing_else(routes)
}

/// The paths under `/orgs` and, as GitHub has it for limits, `/organizations`.
pub(super) fn organizations() -> Calls {
    and_nothing_else(of_many("/{org}"))
}

/// The paths under `/enterprises`.
pub(super) fn enterprises() -> Calls {
    and_nothing_else(of_many("/{enterprise}"))
}

fn of_many(whose: &str) -> Calls {
    limits(whose)
        .get(&format!("{whose}/actions/cache/usage"), usage::of_all)
        .get(&format!("{whose}/actions/cache/usage-by-repository"), usage::by_repository)
}

fn limits(whose: &str) -> Calls {
    let path = |name: &str| format!("{whose}/actions/cache/{name}");
    Calls::default()
        .get(&path("storage-limit"), limits::storage)
        .put(&path("storage-limit"), limits::set_storage)
        .get(&path("retention-limit"), limits::retention)
        .put(&path("retention-limit"), limits::set_retention)
        .get(&path("usage-policy"), limits::policy)
        .patch(&path("usage-policy"), limits::set_policy)
}

fn and_nothing_else(routes: Calls) -> Calls {
    routes.with(|router| router.fallback(no_such_call).method_not_allowed_fallback(no_such_call))
}
