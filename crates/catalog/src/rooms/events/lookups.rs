//! Lookups: what was asked, what came of it, and what a miss was near.

use std::time::Duration;

use async_trait::async_trait;

use super::{EventFilter, MissReason, RemovalReason};
use crate::Result;
use crate::ids::{EntryId, RepoId, Timestamp};
use crate::rooms::Slot;

/// What a request was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `_apis/artifactcache`.
    V1,
    /// Twirp's `CacheService`.
    V2,
    /// The signed URLs that both protocols send clients to: bytes alone.
    Blobs,
}

/// What came of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The primary key was found.
    Hit,
    /// Something was found by a restore key, or by a beginning.
    Partial,
    /// Nothing was found.
    Miss,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Who asked.
    pub repo: RepoId,
    /// How.
    pub protocol: Protocol,
    /// The primary key, then the restore keys.
    pub keys: Vec<String>,
    /// The version.
    pub version: String,
    /// The scopes that were looked in, in this order.
    pub read: Vec<String>,
    /// The scope that the job may write.
    pub write: Option<String>,
}

/// What a question found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matched {
    /// The entry.
    pub entry: EntryId,
    /// Its key.
    pub key: String,
    /// Its scope.
    pub scope: String,
}

/// A lookup to be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLookup {
    /// What was asked. Texts are cut to [`super::MAX_NOTED_KEY`] and [`super::MAX_NOTED_TEXT`] as they are noted.
    pub question: Question,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found.
    pub matched: Option<Matched>,
    /// Why nothing was; none where that was not looked into.
    pub reason: Option<MissReason>,
    /// How often the same was asked, and had the same outcome.
    pub times: u64,
    /// How long ago the first of them was.
    pub ago: Duration,
}

/// A lookup that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// `owner/name`.
    pub repository: String,
    /// When it was.
    pub moment: Timestamp,
    /// See [`NewLookup::times`].
    pub times: u64,
    /// What was asked.
    pub question: Question,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found.
    pub matched: Option<Matched>,
    /// Why nothing was.
    pub reason: Option<MissReason>,
}

/// An entry that a miss was near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearEntry {
    /// What it is found by.
    pub slot: Slot,
    /// When its upload was reserved; when it became visible, where that is not known.
    pub begun: Timestamp,
    /// When it became visible.
    pub created: Timestamp,
}

/// An entry that went, and that a miss was near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearRemoval {
    /// What it was found by.
    pub slot: Slot,
    /// When it went.
    pub removed: Timestamp,
    /// Why.
    pub reason: RemovalReason,
    /// Who deleted it.
    pub by: Option<String>,
}

/// An upload that a miss was near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearUpload {
    /// What it was to be found by.
    pub slot: Slot,
    /// When it was reserved.
    pub begun: Timestamp,
    /// When it ended without an entry; none while it runs.
    pub ended: Option<Timestamp>,
}

/// What there is, or was, near a miss: whatever begins with one of its keys, in any scope and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nearby {
    /// Entries.
    pub entries: Vec<NearEntry>,
    /// What went, the latest first.
    pub removals: Vec<NearRemoval>,
    /// Uploads that run, or that ended without an entry, the latest first.
    pub uploads: Vec<NearUpload>,
    /// Keys just before and just after the primary key in their order.
    pub neighbours: Vec<String>,
}

/// Lookups.
#[async_trait]
pub trait Lookups {
    /// Notes lookups. One statement.
    async fn note_lookups(&self, lookups: &[NewLookup]) -> Result<()>;

    /// Lookups, the newest first; only those of one outcome where one is named.
    async fn lookups(&self, filter: &EventFilter, outcome: Option<Outcome>) -> Result<Vec<Lookup>>;

    /// What a miss of these keys was near. A few rows each, found by indexes, whatever there is in the repository.
    async fn near(&self, repo: RepoId, keys: &[String]) -> Result<Nearby>;
}
