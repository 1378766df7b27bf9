//! What is learned of a request while it is answered, for its log line and for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::route::Route;
use crate::service::Outcome;

/// Shared by all who have to do with one request.
#[derive(Clone, Debug)]
pub(super) struct Told(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    route: Route,
    name: OnceLock<String>,
    outcome: OnceLock<Outcome>,
    received: AtomicU64,
}

impl Told {
    pub(super) fn new(route: Route) -> Self {
        Self(Arc::new(Inner {
            route,
            name: OnceLock::new(),
            outcome: OnceLock::new(),
            received: AtomicU64::new(0),
        }))
    }

    pub(super) fn route(&self) -> Route {
        self.0.route
    }

    /// The repository or binary cache, once a token has let the request in to it.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.name.get().map(String::as_str)
    }

    /// The first name counts.
    pub(super) fn note_name(&self, name: &str) {
        self.0.name.get_or_init(|| name.to_owned());
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.0.outcome.get().copied()
    }

    pub(super) fn note_outcome(&self, outcome: Outcome) {
        self.0.outcome.get_or_init(|| outcome);
    }

    /// Bytes of the request's body that have come.
    pub(super) fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    pub(super) fn note_received(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
    }
}
