//! The catalog in numbers, and whether it is of use at all: for those who watch a server.

use std::time::Duration;

use async_trait::async_trait;

use super::JobKind;
use crate::Result;

/// What the catalog holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Visible entries.
    pub entries: u64,
    /// The sum of their sizes as uploaded, in bytes.
    pub entry_bytes: u64,
    /// Live packs.
    pub live_packs: u64,
    /// Their bytes.
    pub live_pack_bytes: u64,
    /// Condemned packs.
    pub condemned_packs: u64,
    /// Their bytes.
    pub condemned_pack_bytes: u64,
    /// Rows of the chunk index.
    pub chunks: u64,
    /// Paths of binary caches, each in every view that it was published in.
    pub paths: u64,
}

/// Numbers for those who watch.
#[async_trait]
pub trait Figures {
    /// Whether a transaction that may write can be had, and the schema is the one that this program knows. Changes
    /// nothing.
    async fn probe(&self) -> Result<()>;

    /// Statements that failed through this handle since it was opened, and connections that were not to be had. Those
    /// of transactions that give way to others and are tried again do not count.
    fn faults(&self) -> u64;

    /// Uploads under way or given up and not swept yet.
    async fn uploads(&self) -> Result<u64>;

    /// For how long the job of this kind that was due first has been waiting to be claimed.
    async fn oldest_ready(&self, kind: JobKind) -> Result<Option<Duration>>;

    /// What is there. Walks an index of every table that it counts: a second for some ten million rows.
    async fn inventory(&self) -> Result<Inventory>;
}
