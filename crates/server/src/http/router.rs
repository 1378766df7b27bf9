//! What is served where.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use super::calls::{Call, Calls};
use super::{api, artifactcache, blobs, body, health, log, metrics, nix, prefixed, rest, twirp};
use crate::service::Service;
use crate::web;

/// Every path of the server. Requests carry [`Ends`](super::Ends) as an extension; without it nobody counts as
/// being on a loopback address.
pub fn router(service: Service) -> Router {
    routes()
        .into_router()
        // Both cache protocols under a base URL with a path, and everything that is not there.
        .fallback(prefixed::call)
        .layer(from_fn(body::linger))
        .layer(from_fn_with_state(service.clone(), log::log))
        .with_state(service)
}

/// Every call that [`router`] answers.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes().into_list()
}

fn routes() -> Calls {
    Calls::default()
        // The cache protocol of 2025 and later: the npm clients, buildkit, sccache, magic-nix-cache.
        .all("/twirp/{*method}", twirp::call, twirp::calls())
        // The one before it: GHES, Gitea, Forgejo, act.
        .all("/_apis/artifactcache/{*call}", artifactcache::call, artifactcache::calls())
        // Content, by signed URL. A nested router has no say in its own path with a slash at the end.
        .nest("/blobs", blobs::routes())
        .nothing("/blobs/", blobs::no_such_blob)
        // Nix's binary cache protocol.
        .nest("/nix", nix::routes())
        // Ours: administration.
        .nest("/api/v1", api::routes())
        .nothing("/api/v1/", api::no_such_call)
        // GitHub's, for gh and its like; on a server that is not github.com they put a path before it.
        .nest("/repos", rest::repositories())
        .nest("/orgs", rest::organizations())
        .nest("/organizations", rest::organizations())
        .nest("/enterprises", rest::enterprises())
        .nest("/api/v3/repos", rest::repositories())
        .nest("/api/v3/orgs", rest::organizations())
        .nest("/api/v3/organizations", rest::organizations())
        .nest("/api/v3/enterprises", rest::enterprises())
        .nothing("/api/v3/{*call}", rest::no_such_call)
        // For those who watch: orchestrators, and Prometheus.
        .get("/healthz", health::healthz)
        .get("/readyz", health::readyz)
        .get("/metrics", metrics::guarded)
        // For people.
        .merge(web::routes())
}
