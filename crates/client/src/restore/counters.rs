//! What is counted on the way, from all threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted on the way, from all threads.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    downloaded: AtomicU64,
    received: AtomicU64,
    written: AtomicU64,
}

impl Counters {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn downloaded(&self, bytes: u64) {
        self.downloaded.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that were written; true about once in every `step` of them.
    pub(super) fn written(&self, bytes: u64, step: u64) -> bool {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        before / step != (before + bytes) / step
    }

    /// Requests, bytes of packs, bytes from upstream.
    pub(super) fn read(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.requests), read(&self.downloaded), read(&self.received))
    }
}
