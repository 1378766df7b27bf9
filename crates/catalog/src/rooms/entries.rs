//! Cache entries: lookup, listing, access times, deletion.

use std::time::Duration;

use async_trait::async_trait;

use super::{Representation, Slot, Why};
use crate::Result;
use crate::ids::{EntryId, RepoId, Timestamp};

/// A visible cache entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its row, the `id` of GitHub's API.
    pub id: EntryId,
    /// Whose it is.
    pub repo: RepoId,
    /// What it is found by.
    pub slot: Slot,
    /// Bytes as uploaded.
    pub size: u64,
    /// When it became visible.
    pub created: Timestamp,
    /// When it was last saved or restored, as far as access times have been written.
    pub accessed: Timestamp,
}

/// The answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The entry.
    pub entry: Entry,
    /// How its bytes can be fetched today.
    pub representation: Representation,
}

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// When the entry became visible.
    Created,
    /// When it was last used.
    Accessed,
    /// Its size.
    Size,
    /// Its key's bytes, then its scope's.
    Key,
    /// Its scope's bytes, then its key's.
    Scope,
}

/// Which entries a listing holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Only those of this repository.
    pub repo: Option<RepoId>,
    /// Only keys that begin so.
    pub key_prefix: Option<String>,
    /// Only this exact key.
    pub key: Option<String>,
    /// Only these scopes.
    pub scopes: Option<Vec<String>>,
    /// The order; ties by id.
    pub sort: SortBy,
    /// Largest or latest first.
    pub descending: bool,
    /// Rows left out before the first.
    pub offset: u64,
    /// Rows at most.
    pub limit: u64,
}

impl Listing {
    /// The first of all entries there are, in this order.
    #[must_use]
    pub fn first(limit: u64, sort: SortBy, descending: bool) -> Self {
        Self { repo: None, key_prefix: None, key: None, scopes: None, sort, descending, offset: 0, limit }
    }
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How many entries there are without the limit.
    pub total: u64,
    /// The page, with the repository's name beside each entry.
    pub entries: Vec<(String, Entry)>,
}

/// Visible entries.
#[async_trait]
pub trait Entries {
    /// The entry that a restore gets: for each scope in turn, for each key in turn, the exact key, else the
    /// newest entry whose key begins with it. `version` must be equal. Keys are compared byte by byte.
    async fn lookup(
        &self,
        repo: RepoId,
        scopes: &[String],
        version: &str,
        keys: &[String],
    ) -> Result<Option<Hit>>;

    /// The entry of this number.
    async fn entry(&self, id: EntryId) -> Result<Option<Entry>>;

    /// A page of entries.
    async fn list(&self, listing: &Listing) -> Result<Listed>;

    /// Sets the time of last access to now. Unknown entries are passed over. One statement.
    async fn touch(&self, entries: &[EntryId]) -> Result<()>;

    /// Entries that were not used for `idle`, least recent first.
    async fn idle(&self, repo: RepoId, idle: Duration, limit: u64) -> Result<Vec<EntryId>>;

    /// Entries of one repository or of all, least recently used first, after `skip` of them.
    async fn coldest(&self, repo: Option<RepoId>, skip: u64, limit: u64) -> Result<Vec<Entry>>;

    /// Removes entries from sight, retires their representations and notes why (see [`super::Removals`]): one
    /// transaction. Returns how many there were.
    async fn delete(&self, entries: &[EntryId], why: Why<'_>) -> Result<u64>;
}
