//! Our own API: administration, by an admin token.

mod caches;
mod failure;
mod upkeep;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::service::Service;

pub(super) use failure::no_such_call;

/// The paths under `/api/v1`.
pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/caches", get(caches::list).delete(caches::delete_matching))
        .route("/caches/{id}", delete(caches::delete_one))
        .route("/usage", get(caches::usage))
        .route("/evict", post(upkeep::evict))
        .route("/gc", get(upkeep::plan).post(upkeep::collect))
        .fallback(no_such_call)
        .method_not_allowed_fallback(no_such_call)
}
