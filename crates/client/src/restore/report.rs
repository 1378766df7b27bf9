//! What a restore did.

use std::collections::BTreeMap;

use snowbank_nix::store::StoreWriter;
use snowbank_nix::store_path::StorePath;

/// A restore that has come to its end.
#[derive(Debug)]
pub struct Restored {
    /// What it did.
    pub report: Report,
    /// Keeps all wanted paths that are there from the garbage collector.
    pub held: Held,
}

/// Temporary roots; they end when it is dropped.
#[derive(Debug)]
pub struct Held {
    pub(super) _writer: StoreWriter,
}

/// How many paths, and bytes of NARs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// How many.
    pub count: u64,
    /// Bytes of their NARs.
    pub bytes: u64,
}

impl Paths {
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    pub(super) fn add_all(&mut self, sizes: impl IntoIterator<Item = u64>) {
        sizes.into_iter().for_each(|bytes| self.add(bytes));
    }
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths that the store had.
    pub found: Paths,
    /// Paths that came from packs.
    pub restored: Paths,
    /// Paths that came from upstream caches.
    pub upstream: Paths,
    /// Paths that somebody else made meanwhile.
    pub others: Paths,
    /// Bytes of packs that were fetched.
    pub downloaded: u64,
    /// Bytes that came from upstream caches, compressed.
    pub received: u64,
    /// Packs that were needed.
    pub packs: u64,
    /// Paths that could not be restored, each with the reason.
    pub missed: BTreeMap<StorePath, Miss>,
}

impl Report {
    /// How many paths were missed for each reason.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<String, u64> {
        let mut reasons = BTreeMap::new();
        for miss in self.missed.values() {
            *reasons.entry(miss.to_string()).or_default() += 1;
        }
        reasons
    }
}

/// Why a path could not be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// A pack that it needs is not there, or not what it should be.
    #[error("a pack that it needs is gone or damaged")]
    Pack,
    /// Its recipe does not make what it should.
    #[error("its recipe makes something else")]
    Recipe,
    /// Bytes of it are damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Its bytes could not be fetched.
    #[error("it could not be fetched: {0}")]
    Fetch(String),
    /// No upstream cache gave it.
    #[error("no upstream cache gave it: {0}")]
    Upstream(String),
    /// The store took it not.
    #[error("it could not be written: {0}")]
    Write(String),
    /// It does not follow from its content address.
    #[error("it does not follow from its content address")]
    ContentAddress,
    /// Somebody else is making it and does not get done.
    #[error("somebody else is making it")]
    Busy,
    /// The disk is nearly full.
    #[error("too little room is left on the disk")]
    Room,
    /// Something that it refers to is missing.
    #[error("a path that it refers to is missing")]
    Reference,
}
