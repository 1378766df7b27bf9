//! Paths of a snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use snowbank_actions::client::CacheClient;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::shelf::{Shelf, Shelves};
use super::{Means, SourceError, Supply};
use crate::restore::{CachePacks, PackSource};
use crate::series::{Key, Naming, Versions, find};
use crate::snapshot::Snapshot;

/// A series of a cache service.
pub struct FromSnapshot<'a> {
    /// The service.
    pub client: &'a CacheClient,
    /// The versions of its entries.
    pub versions: &'a Versions,
    /// How its saves are called.
    pub naming: Naming,
    /// The series.
    pub key: &'a Key,
    /// What other keys begin with that will do.
    pub prefixes: &'a [String],
    /// What reading takes.
    pub means: Means,
}

impl FromSnapshot<'_> {
    /// The newest generation.
    pub(super) async fn find(self, shelves: Arc<Shelves>) -> Result<Saved<CachePacks>, SourceError> {
        let Self { client, versions, naming, key, prefixes, means } = self;
        let found = find(client, versions, naming, key, prefixes).await?;
        let snapshot = Arc::new(found.ok_or_else(|| SourceError::NoSnapshot(key.clone()))?.snapshot);
        let packs = Arc::new(CachePacks { client: client.clone(), versions: versions.clone() });
        Ok(Saved { snapshot, packs, means, shelves })
    }
}

/// A snapshot.
pub(super) struct Saved<P> {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) packs: Arc<P>,
    pub(super) means: Means,
    pub(super) shelves: Arc<Shelves>,
}

#[async_trait]
impl<P: PackSource> Supply for Saved<P> {
    async fn more(
        &self,
        paths: &BTreeSet<StorePath>,
        known: &[PathInfo],
    ) -> Result<Vec<PathInfo>, SourceError> {
        let (mut wanted, mut absent) = (BTreeSet::new(), Vec::new());
        let known: BTreeSet<&StorePath> = known.iter().map(|info| &info.path).collect();
        let mut waiting: Vec<&StorePath> = paths.iter().collect();
        while let Some(path) = waiting.pop() {
            match self.snapshot.paths.get(path) {
                None => absent.push(path.clone()),
                Some(saved) => {
                    if !known.contains(path) && wanted.insert(path.clone()) {
                        waiting.extend(&saved.info.references);
                    }
                }
            }
        }
        if !absent.is_empty() {
            absent.sort_unstable();
            absent.dedup();
            return Err(SourceError::Absent(absent));
        }
        let infos = wanted.iter().filter_map(|path| Some(self.snapshot.paths.get(path)?.info.clone()));
        let infos = infos.collect();
        let (snapshot, packs) = (Arc::clone(&self.snapshot), Arc::clone(&self.packs));
        self.shelves.add(Shelf::new(snapshot, wanted, BTreeSet::new(), packs, self.means.clone()));
        Ok(infos)
    }
}
