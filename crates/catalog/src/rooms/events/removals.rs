//! What went, and what never came.

use async_trait::async_trait;

use super::EventFilter;
use crate::Result;
use crate::ids::{EntryId, Timestamp};
use crate::rooms::Slot;

/// Why an entry goes, as [`crate::rooms::Entries::delete`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// The repository's entries were over its size.
    RepositoryLimit,
    /// Nobody had used it for the retention time.
    Retention,
    /// The server's disk was over its bound.
    DiskBound,
    /// Somebody deleted it.
    Deleted {
        /// Who: a token's subject.
        by: &'a str,
    },
    /// Bytes of it are missing or damaged.
    Damaged,
}

impl Why<'_> {
    /// Without who it was.
    #[must_use]
    pub fn reason(self) -> RemovalReason {
        match self {
            Self::RepositoryLimit => RemovalReason::RepositoryLimit,
            Self::Retention => RemovalReason::Retention,
            Self::DiskBound => RemovalReason::DiskBound,
            Self::Deleted { .. } => RemovalReason::Deleted,
            Self::Damaged => RemovalReason::Damaged,
        }
    }

    /// Who it was.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::Deleted { by } => Some(by),
            _ => None,
        }
    }
}

/// Why an entry went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// The repository's entries were over its size.
    RepositoryLimit,
    /// Nobody had used it for the retention time.
    Retention,
    /// The server's disk was over its bound.
    DiskBound,
    /// Somebody deleted it.
    Deleted,
    /// Bytes of it were missing or damaged.
    Damaged,
}

/// An entry that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// `owner/name`.
    pub repository: String,
    /// The entry that it was.
    pub entry: EntryId,
    /// What it was found by.
    pub slot: Slot,
    /// Bytes as uploaded.
    pub size: u64,
    /// When it became visible.
    pub created: Timestamp,
    /// When it was last used.
    pub accessed: Timestamp,
    /// When it went.
    pub removed: Timestamp,
    /// Why.
    pub reason: RemovalReason,
    /// Who deleted it.
    pub by: Option<String>,
}

/// How an upload ended without an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No byte came for too long.
    Expired,
    /// It was given up, being too large.
    Abandoned,
}

/// An upload that ended without an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// `owner/name`.
    pub repository: String,
    /// What it was to be found by.
    pub slot: Slot,
    /// When it was reserved.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub how: Ending,
}

/// What went, and what never came: written by the transactions that delete entries and end uploads, so that neither is
/// ever without its reason.
#[async_trait]
pub trait Removals {
    /// Entries that went, the latest first.
    async fn removals(&self, filter: &EventFilter) -> Result<Vec<Removal>>;

    /// Uploads that ended without an entry, the latest first.
    async fn unfinished(&self, filter: &EventFilter) -> Result<Vec<Unfinished>>;
}
