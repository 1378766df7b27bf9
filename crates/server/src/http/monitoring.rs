//! What is served at the address for metrics.

use axum::Router;
use axum::middleware::from_fn_with_state;

use super::calls::Calls;
use super::{health, log, metrics};
use crate::service::Service;

/// Metrics and health, for whoever reaches the address.
pub(super) fn monitoring(service: Service) -> Router {
    Calls::default()
        .get("/metrics", metrics::open)
        .get("/healthz", health::healthz)
        .get("/readyz", health::readyz)
        .into_router()
        .layer(from_fn_with_state(service.clone(), log::log))
        .with_state(service)
}
