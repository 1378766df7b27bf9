//! Counting what goes over the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a client and all its clones have sent and received so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, attempts that failed among them.
    pub requests: u64,
    /// Bytes of bodies that were sent.
    pub sent: u64,
    /// Bytes of bodies that were received.
    pub received: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counters(Arc<[AtomicU64; 3]>);

impl Counters {
    pub(super) fn request(&self) {
        self.0[0].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.0[1].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.0[2].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Traffic {
        let [requests, sent, received] = [0, 1, 2].map(|at: usize| self.0[at].load(Ordering::Relaxed));
        Traffic { requests, sent, received }
    }
}
