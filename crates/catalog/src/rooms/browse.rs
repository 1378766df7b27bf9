//! What people look at, where no other room has it.

use async_trait::async_trait;

use super::{Path, Usage, UsageInAll};
use crate::Result;
use crate::ids::{CacheId, RepoId, Timestamp};

/// Some repositories, in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// All of an owner.
    Owner(String),
    /// `owner/name`.
    One(String),
}

/// What repositories are sorted by; those that are equal by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositorySort {
    /// Their names, without regard to case.
    Name,
    /// The bytes of their entries.
    Bytes,
    /// The number of their entries.
    Entries,
    /// When an entry was last used.
    Used,
}

/// Which repositories a list holds, of those that have entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryListing {
    /// Only these; none for all.
    pub of: Option<Vec<Names>>,
    /// Only those with this in their names, in any case.
    pub text: Option<String>,
    /// The order.
    pub sort: RepositorySort,
    /// Largest or latest first.
    pub descending: bool,
    /// Rows left out before the first.
    pub offset: u64,
    /// Rows at most.
    pub limit: u64,
}

/// One page of repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedRepositories {
    /// What those come to that might be listed, whatever their names.
    pub all: UsageInAll,
    /// How many of them have the text in their names.
    pub found: u64,
    /// The page, with when an entry was last used.
    pub page: Vec<(Usage, Option<Timestamp>)>,
}

/// What people look at.
#[async_trait]
pub trait Browse {
    /// A page of repositories. Walks the table of repositories, which is small beside that of entries; to sort by use takes
    /// one probe of an index for each.
    async fn repositories(&self, listing: &RepositoryListing) -> Result<ListedRepositories>;

    /// When an entry of each of these repositories was last used; those without entries are left out. One statement, with
    /// one probe of an index for each repository.
    async fn last_used(&self, repos: &[RepoId]) -> Result<Vec<(RepoId, Timestamp)>>;

    /// The paths that were published last in these views of a cache, the newest first. Walks the cache's paths from the
    /// newest on.
    async fn newest_paths(&self, cache: CacheId, views: &[String], limit: u64) -> Result<Vec<Path>>;
}
