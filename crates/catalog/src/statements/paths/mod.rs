//! Paths of binary caches.

mod columns;
mod find;
mod publish;
mod retain;

use async_trait::async_trait;
use snowbank_nix::hash::NarHash;

use crate::Result;
use crate::ids::{CacheId, PathId, Timestamp};
use crate::rooms::{HashPart, NewPath, Path, PathRow, Paths, Publication, Published};
use crate::sql::{Database, Driver};

pub(super) use columns::{its_nar, path_columns};

#[async_trait]
impl<D: Driver> Paths for Database<D> {
    async fn path(&self, cache: CacheId, views: &[String], hash_part: HashPart) -> Result<Option<Path>> {
        find::path(self, cache, views, hash_part).await
    }

    async fn paths(&self, cache: CacheId, views: &[String], hash_parts: &[HashPart]) -> Result<Vec<Path>> {
        find::paths(self, cache, views, hash_parts).await
    }

    async fn waiting(&self, cache: CacheId, nar: &NarHash) -> Result<Option<Path>> {
        find::waiting(self, cache, nar).await
    }

    async fn latest_named(&self, cache: CacheId, views: &[String], names: &[String]) -> Result<Vec<Path>> {
        find::latest_named(self, cache, views, names).await
    }

    async fn publish(&self, publication: &Publication<'_>, paths: &[NewPath]) -> Result<Published> {
        self.retry(|| publish::publish(self, publication, paths)).await
    }

    async fn touch_paths(&self, paths: &[PathId]) -> Result<()> {
        retain::touch(self, paths).await
    }

    async fn walk_paths(&self, cache: CacheId, after: Option<PathId>, limit: u64) -> Result<Vec<PathRow>> {
        retain::walk(self, cache, after, limit).await
    }

    async fn delete_paths(&self, paths: &[PathId], unused_since: Option<Timestamp>) -> Result<u64> {
        retain::delete(self, paths, unused_since).await
    }
}
