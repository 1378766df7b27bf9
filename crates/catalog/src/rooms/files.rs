//! What else a binary cache serves: build logs, listings, realisations.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::ids::{CacheId, RecipeId, Timestamp};

/// A file of a binary cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheFile {
    /// Its recipe, served as chunks, decompressed.
    pub recipe: RecipeId,
    /// Bytes.
    pub size: u64,
    /// When it was kept.
    pub created: Timestamp,
}

/// Files, each of a cache and a view.
#[async_trait]
pub trait Files {
    /// Keeps a file under this name and makes its recipe permanent. The one of that name goes; its recipe is swept an hour
    /// later. False when the recipe's lease ran out and it was swept: nothing has changed then.
    async fn keep_file(
        &self,
        cache: CacheId,
        view: &str,
        name: &str,
        recipe: RecipeId,
        size: u64,
    ) -> Result<bool>;

    /// The file of this name; the first of the views that has one wins. One statement.
    async fn file(&self, cache: CacheId, views: &[String], name: &str) -> Result<Option<CacheFile>>;

    /// Deletes the cache's files that were kept at least `idle` ago. Their recipes are swept an hour later. Returns how many.
    async fn sweep_files(&self, cache: CacheId, idle: Duration) -> Result<u64>;
}
