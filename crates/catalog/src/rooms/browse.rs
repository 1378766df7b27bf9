//! What people look at, where no other room has it.

use async_trait::async_trait;

use super::Path;
use crate::Result;
use crate::ids::{CacheId, RepoId, Timestamp};

/// What people look at.
#[async_trait]
pub trait Browse {
    /// When an entry of each of these repositories was last used; those without entries are left out. One statement, with
    /// one probe of an index for each repository.
    async fn last_used(&self, repos: &[RepoId]) -> Result<Vec<(RepoId, Timestamp)>>;

    /// The paths that were published last in these views of a cache, the newest first. Walks the cache's paths from the
    /// newest on.
    async fn newest_paths(&self, cache: CacheId, views: &[String], limit: u64) -> Result<Vec<Path>>;
}
