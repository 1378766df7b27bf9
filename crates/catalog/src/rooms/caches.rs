//! Nix binary caches.

use async_trait::async_trait;

use crate::Result;
use crate::ids::{CacheId, DomainId};

/// Bytes of the longest view, of the longest pusher, and of the longest name of a file or a pin: with any of these longer
/// PostgreSQL refuses the row, for an index of it holds no more.
pub const MAX_VIEW: usize = 1024;
/// Bytes of the longest pusher; see [`MAX_VIEW`].
pub const MAX_PUSHER: usize = 512;
/// Bytes of the longest name of a file or a pin; see [`MAX_VIEW`].
pub const MAX_NAME: usize = 512;

/// A Nix binary cache, as the server's configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Its row.
    pub id: CacheId,
    /// Its name, part of its URL; compared byte by byte.
    pub name: String,
    /// Who it shares chunks and NARs with.
    pub domain: DomainId,
}

/// What the paths of a cache come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Paths of all views.
    pub paths: u64,
    /// Bytes of their NARs' frames, each NAR once.
    pub stored: u64,
}

/// Binary caches.
#[async_trait]
pub trait Caches {
    /// The cache of this name, made if it is new. `domain` names those with whom it shares chunks, as a repository's
    /// does, and counts only when the cache is made.
    async fn cache(&self, name: &str, domain: &str) -> Result<Cache>;

    /// The cache of this name, if it was ever used.
    async fn find_cache(&self, name: &str) -> Result<Option<Cache>>;

    /// Every cache, by name.
    async fn caches(&self) -> Result<Vec<Cache>>;

    /// What the cache's paths come to.
    async fn cache_usage(&self, cache: CacheId) -> Result<CacheUsage>;
}
