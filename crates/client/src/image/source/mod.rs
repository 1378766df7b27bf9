//! Where the store paths of an image come from: a cache of a Snowbank server, a snapshot, or the local store.
//!
//! Nothing is written to a store, or to a disk at all. What is believed is what a pull, or a restore, believes; and each
//! NAR that is read to its end has the hash and size that its info says.
//!
//! Memory: what a cache tells, 72 bytes a frame and 64 MiB at most, three times (as it came, laid out, and as frames are
//! looked up), or a snapshot's index and the footers of the packs that are needed; 23 MiB for each NAR that is being read
//! from packs, and for one from an upstream cache 1 MiB and what decompressing it takes.

mod cache;
mod error;
mod piped;
mod shelf;
mod snapshot;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{LocalStore, Place, StoreError};
use snowbank_nix::store_path::StorePath;
use snowbank_oci::tree::Trees;
use tokio::task::spawn_blocking;

pub use cache::FromCache;
pub use error::SourceError;
pub use snapshot::FromSnapshot;

use crate::observer::Observer;
use shelf::Shelves;

/// What reading takes, wherever from.
#[derive(Clone)]
pub struct Means {
    /// Where the NARs come from that are in no pack. For a cache, the cache itself is the first of them: it has NARs that
    /// it has yet to fetch.
    pub upstreams: Arc<Upstreams>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

/// Store paths, and their contents.
pub struct ImageSource {
    closure: Closure,
    /// All that was asked for so far, with all that it refers to where that was told.
    known: Mutex<BTreeMap<StorePath, PathInfo>>,
    supply: Box<dyn Supply>,
    trees: Arc<dyn Trees>,
}

/// Tells of paths.
#[async_trait]
trait Supply: Send + Sync {
    /// The infos of `paths` and maybe of what they refer to, but for what is `known`; their contents can be read then.
    async fn more(
        &self,
        paths: &BTreeSet<StorePath>,
        known: &[PathInfo],
    ) -> Result<Vec<PathInfo>, SourceError>;
}

impl ImageSource {
    /// The closure of these paths in a cache of a Snowbank server.
    ///
    /// # Errors
    /// When the server does not answer, does not have all, or tells what is not believed.
    pub async fn open_cache(from: FromCache, roots: &[StorePath]) -> Result<Self, SourceError> {
        let shelves = Arc::<Shelves>::default();
        let supply = cache::Cache { from, shelves: Arc::clone(&shelves) };
        Self::open(Box::new(supply), shelves, roots).await
    }

    /// The closure of these paths in the newest snapshot of a series.
    ///
    /// # Errors
    /// When the service does not answer, or there is no snapshot, or it does not have all.
    pub async fn open_snapshot(from: FromSnapshot<'_>, roots: &[StorePath]) -> Result<Self, SourceError> {
        let shelves = Arc::<Shelves>::default();
        let supply = from.find(Arc::clone(&shelves)).await?;
        Self::open(Box::new(supply), shelves, roots).await
    }

    /// The closure of these paths in the local store, whose contents `trees` reads.
    ///
    /// # Errors
    /// When the store cannot be read, or does not have all.
    pub async fn open_store(
        place: &Place,
        trees: Arc<dyn Trees>,
        roots: &[StorePath],
    ) -> Result<Self, SourceError> {
        Self::open(Box::new(Local(place.clone())), trees, roots).await
    }

    async fn open(
        supply: Box<dyn Supply>,
        trees: Arc<dyn Trees>,
        roots: &[StorePath],
    ) -> Result<Self, SourceError> {
        let infos = match roots {
            [] => Vec::new(),
            roots => supply.more(&roots.iter().cloned().collect(), &[]).await?,
        };
        let known = infos.iter().map(|info| (info.path.clone(), info.clone())).collect();
        Ok(Self { closure: Closure::new(infos)?, known: Mutex::new(known), supply, trees })
    }

    /// What was asked for when it was opened, with all that it refers to.
    #[must_use]
    pub const fn closure(&self) -> &Closure {
        &self.closure
    }

    /// The contents of all paths of which an info was given.
    #[must_use]
    pub fn trees(&self) -> Arc<dyn Trees> {
        Arc::clone(&self.trees)
    }

    /// The infos of these paths, whether they are in the closure or not.
    ///
    /// # Errors
    /// As when it was opened; paths that are nowhere are named.
    pub async fn infos(&self, paths: &[StorePath]) -> Result<BTreeMap<StorePath, PathInfo>, SourceError> {
        let (mut wanted, all): (BTreeSet<_>, Vec<PathInfo>) = {
            let known = self.known();
            let new = paths.iter().filter(|path| !known.contains_key(*path)).cloned();
            (new.collect(), known.values().cloned().collect())
        };
        if !wanted.is_empty() {
            let more = self.supply.more(&wanted, &all).await?;
            let mut known = self.known();
            known.extend(more.into_iter().map(|info| (info.path.clone(), info)));
            wanted.retain(|path| !known.contains_key(path));
            if !wanted.is_empty() {
                return Err(SourceError::Absent(wanted.into_iter().collect()));
            }
        }
        let known = self.known();
        let info = |path: &StorePath| Some((path.clone(), known.get(path)?.clone()));
        Ok(paths.iter().filter_map(info).collect())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<StorePath, PathInfo>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The local store.
struct Local(Place);

#[async_trait]
impl Supply for Local {
    async fn more(&self, paths: &BTreeSet<StorePath>, _: &[PathInfo]) -> Result<Vec<PathInfo>, SourceError> {
        let (place, paths) = (self.0.clone(), paths.clone());
        let reading = move || {
            let store = LocalStore::open(place)?;
            let mut absent = Vec::new();
            for path in &paths {
                if !store.is_valid(path)? {
                    absent.push(path.clone());
                }
            }
            if !absent.is_empty() {
                return Ok(Err(absent));
            }
            Ok::<_, StoreError>(Ok(store.closure(&paths)?.iter().cloned().collect()))
        };
        let read = spawn_blocking(reading).await.map_err(|_| SourceError::Lost)??;
        read.map_err(SourceError::Absent)
    }
}
