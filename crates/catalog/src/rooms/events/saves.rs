//! Saves, and how they were used.

use std::time::Duration;

use async_trait::async_trait;

use super::EventFilter;
use crate::Result;
use crate::ids::{EntryId, Timestamp};
use crate::rooms::Slot;

/// What the packs of a snapshot come to that were saved with it: those that it was the first to name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// How many.
    pub count: u64,
    /// Bytes as uploaded.
    pub size: u64,
    /// Bytes that were not stored before, as far as they are known.
    pub added: u64,
    /// How many are not recoded yet.
    pub pending: u64,
    /// When the first of them was reserved.
    pub begun: Option<Timestamp>,
}

/// A save. It was written by the transaction that made its entry visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Save {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// `owner/name`.
    pub repository: String,
    /// The entry; it may be gone.
    pub entry: EntryId,
    /// What it is found by.
    pub slot: Slot,
    /// Bytes as uploaded.
    pub size: u64,
    /// Bytes that were not stored before; none until it is recoded.
    pub added: Option<u64>,
    /// When it was reserved.
    pub begun: Timestamp,
    /// When it became visible.
    pub finished: Timestamp,
    /// The snapshot whose pack it is.
    pub part_of: Option<EntryId>,
    /// How often it was found by a lookup.
    pub restores: u64,
    /// For how many of them the time from the lookup to the last byte is known.
    pub timed: u64,
    /// The sum of those times, in milliseconds.
    pub restore_millis: u64,
    /// Its packs, if it is a snapshot.
    pub parts: Parts,
}

/// Uses of a saved entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restores {
    /// The entry.
    pub entry: EntryId,
    /// How often a lookup found it.
    pub found: u64,
    /// How many downloads came to their end whose lookup is known.
    pub timed: u64,
    /// The sum of the times from lookup to end.
    pub took: Duration,
}

/// What became of a saved entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The entry.
    pub entry: EntryId,
    /// How often it was found by a lookup.
    pub restores: u64,
    /// Bytes that were not stored before; none until it is recoded.
    pub added: Option<u64>,
}

/// Saves.
#[async_trait]
pub trait Saves {
    /// Notes that a snapshot names these packs; those that another one named before stay that one's.
    async fn note_parts(&self, snapshot: EntryId, packs: &[EntryId]) -> Result<()>;

    /// Adds uses, one row for an entry. What was never noted as saved is passed over.
    async fn note_restores(&self, restores: &[Restores]) -> Result<()>;

    /// Saves, the latest first: packs beside their snapshots only where `parts` says so.
    async fn saves(&self, filter: &EventFilter, parts: bool) -> Result<Vec<Save>>;

    /// What became of these entries; those that were never noted as saved are left out. One statement, with one probe of
    /// an index for each entry.
    async fn fates(&self, entries: &[EntryId]) -> Result<Vec<Fate>>;
}
