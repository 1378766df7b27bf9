//! Paths whose NARs are in packs, or in upstream caches.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::tree::{Tree, TreeError, Trees};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::Means;
use super::piped::Piped;
use super::tree::ProvenTree;
use crate::restore::{Loss, Nar, PackSource, Reader, check};
use crate::snapshot::{Snapshot, Source};

/// Why a path that is told of cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    /// Nobody asked for it.
    #[error("nothing was told of it")]
    Unknown,
    /// Its frames cannot be had.
    #[error("it is {}: {}", .0.0, .0.1)]
    Lost(Loss),
}

/// Some paths of a snapshot. Its packs are looked up when the first of them is opened.
pub(super) struct Shelf<P: PackSource> {
    snapshot: Arc<Snapshot>,
    wanted: BTreeSet<StorePath>,
    /// What nothing but its content proves.
    unproven: BTreeSet<StorePath>,
    packs: Arc<P>,
    means: Means,
    handle: Handle,
    reader: OnceCell<Arc<Reader<P>>>,
}

impl<P: PackSource> Shelf<P> {
    /// A shelf of those paths of the snapshot that are `wanted`. Within a runtime.
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        wanted: BTreeSet<StorePath>,
        unproven: BTreeSet<StorePath>,
        packs: Arc<P>,
        means: Means,
    ) -> Self {
        let (handle, reader) = (Handle::current(), OnceCell::new());
        Self { snapshot, wanted, unproven, packs, means, handle, reader }
    }

    /// The packs of all wanted paths, looked up once.
    fn reader(&self) -> Arc<Reader<P>> {
        let open = || async {
            let sources = self.wanted.iter().filter_map(|path| Some(&self.snapshot.paths.get(path)?.source));
            let runs = sources.flat_map(|source| match source {
                Source::Packs(recipe) => recipe.0.as_slice(),
                Source::Upstream => &[],
            });
            let needed: BTreeSet<u32> = runs.map(|run| run.pack).collect();
            let (packs, observer) = (Arc::clone(&self.packs), Arc::clone(&self.means.observer));
            Arc::new(Reader::open(packs, &self.snapshot.packs, &needed, observer).await)
        };
        Arc::clone(self.handle.block_on(self.reader.get_or_init(open)))
    }

    fn begin(&self, info: &PathInfo, source: &Source) -> Result<Box<dyn Tree>, TreeError> {
        let failed = |source| TreeError { path: info.path.clone(), source };
        let proof = info.ca.filter(|_| self.unproven.contains(&info.path));
        match source {
            Source::Upstream => {
                let piped = Piped::begin(Arc::clone(&self.means.upstreams), info.clone(), &self.handle);
                Ok(Box::new(ProvenTree::new(info, proof, piped)))
            }
            Source::Packs(recipe) => {
                let reader = self.reader();
                check(info, source, &reader.packs, &self.snapshot.dir)
                    .map_err(|loss| failed(Unreadable::Lost(loss).into()))?;
                let nar = Nar::begin(reader, recipe.clone(), &self.handle);
                Ok(Box::new(ProvenTree::new(info, proof, nar.map_err(|error| failed(error.into()))?)))
            }
        }
    }
}

/// A shelf of any kind.
pub(super) trait AnyShelf: Send + Sync {
    /// Begins to read a path; none where it is not on the shelf.
    fn open(&self, path: &StorePath) -> Option<Result<Box<dyn Tree>, TreeError>>;

    /// Whether a path is on the shelf.
    fn has(&self, path: &StorePath) -> bool;
}

impl<P: PackSource> AnyShelf for Shelf<P> {
    fn open(&self, path: &StorePath) -> Option<Result<Box<dyn Tree>, TreeError>> {
        let saved = self.snapshot.paths.get(path).filter(|_| self.wanted.contains(path))?;
        Some(self.begin(&saved.info, &saved.source))
    }

    fn has(&self, path: &StorePath) -> bool {
        self.wanted.contains(path) && self.snapshot.paths.contains_key(path)
    }
}

/// All that was asked for, one shelf a question.
#[derive(Default)]
pub(super) struct Shelves(RwLock<Vec<Arc<dyn AnyShelf>>>);

impl Shelves {
    pub(super) fn add(&self, shelf: impl AnyShelf + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(shelf));
    }
}

impl Trees for Shelves {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let shelves = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let unknown = || Err(TreeError { path: path.clone(), source: Unreadable::Unknown.into() });
        shelves.iter().find_map(|shelf| shelf.open(path)).unwrap_or_else(unknown)
    }

    fn has(&self, path: &StorePath) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(|shelf| shelf.has(path))
    }
}
