//! What a push came to on the wire.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was asked of a registry so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests, those that were refused or tried again among them, those for tokens not.
    pub requests: u64,
    /// Requests for tokens.
    pub token_requests: u64,
    /// Bytes of bodies that were sent, those that were sent in vain among them.
    pub sent: u64,
    /// Tries after the first.
    pub retries: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: AtomicU64,
    tokens: AtomicU64,
    sent: AtomicU64,
    retries: AtomicU64,
}

impl Tally {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn token(&self) {
        self.tokens.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            token_requests: read(&self.tokens),
            sent: read(&self.sent),
            retries: read(&self.retries),
        }
    }
}
