//! One registry: the way to it, and what it was found to do otherwise than others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::wire::Wire;
use crate::reference::Reference;

/// Bytes of a range where nothing else is known. Each upload in ranges holds one, so that memory is bounded.
const USUAL_CHUNK: u64 = 16 << 20;

/// What GHCR takes at the most.
const GHCR_CHUNK: u64 = 4 << 20;

/// The smallest range that is tried, and the largest that a registry may insist on.
pub(super) const CHUNKS: std::ops::RangeInclusive<u64> = 256 << 10..=64 << 20;

#[derive(Debug)]
pub(super) struct Host {
    pub(super) wire: Wire,
    pub(super) reference: Reference,
    pub(super) plain: bool,
    heads_refused: AtomicBool,
    ranges_needed: AtomicBool,
    ranges_refused: AtomicBool,
    chunk: AtomicU64,
    misses: Mutex<HashMap<String, u32>>,
}

impl Host {
    pub(super) fn new(wire: Wire, reference: Reference, plain: bool) -> Self {
        let chunk = if reference.host() == "ghcr.io" { GHCR_CHUNK } else { USUAL_CHUNK };
        Self {
            wire,
            reference,
            plain,
            heads_refused: AtomicBool::default(),
            ranges_needed: AtomicBool::default(),
            ranges_refused: AtomicBool::default(),
            chunk: AtomicU64::new(chunk),
            misses: Mutex::default(),
        }
    }

    pub(super) fn heads_refused(&self) -> bool {
        self.heads_refused.load(Ordering::Relaxed)
    }

    pub(super) fn refuse_heads(&self) {
        self.heads_refused.store(true, Ordering::Relaxed);
    }

    /// Whether whole bodies were refused.
    pub(super) fn ranges_needed(&self) -> bool {
        self.ranges_needed.load(Ordering::Relaxed)
    }

    pub(super) fn need_ranges(&self) {
        self.ranges_needed.store(true, Ordering::Relaxed);
    }

    /// Whether ranges were refused.
    pub(super) fn ranges_refused(&self) -> bool {
        self.ranges_refused.load(Ordering::Relaxed)
    }

    pub(super) fn refuse_ranges(&self) {
        self.ranges_refused.store(true, Ordering::Relaxed);
    }

    /// Bytes of a range.
    pub(super) fn chunk(&self) -> u64 {
        self.chunk.load(Ordering::Relaxed)
    }

    /// From now on ranges have at most so many bytes; false where fewer make no sense.
    pub(super) fn shrink_chunk(&self, to: u64) -> bool {
        CHUNKS.contains(&to) && self.chunk.fetch_min(to, Ordering::Relaxed) > to
    }

    fn with_misses<T>(&self, look: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        look(&mut self.misses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Blobs in a row that could not be mounted from a repository.
    pub(super) fn misses(&self, from: &str) -> u32 {
        self.with_misses(|misses| misses.get(from).copied().unwrap_or(0))
    }

    pub(super) fn missed(&self, from: &str, by: u32) {
        self.with_misses(|misses| {
            let count = misses.entry(from.to_owned()).or_default();
            *count = count.saturating_add(by);
        });
    }

    pub(super) fn mounted(&self, from: &str) {
        self.with_misses(|misses| misses.remove(from));
    }
}
