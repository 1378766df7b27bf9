//! What is served at the address for metrics.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::{health, log, metrics};
use crate::service::Service;

/// Metrics and health, for whoever reaches the address.
pub(super) fn monitoring(service: Service) -> Router {
    Router::new()
        .route("/metrics", get(metrics::open))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .layer(from_fn_with_state(service.clone(), log::log))
        .with_state(service)
}
