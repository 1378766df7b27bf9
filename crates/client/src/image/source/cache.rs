//! Paths of a cache of a Snowbank server.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::shelf::{Shelf, Shelves};
use super::{Means, SourceError, Supply};
use crate::pull::{Believed, Trust, Whole, whole};
use crate::site::Site;

/// A cache of a Snowbank server, and whom to believe.
pub struct FromCache {
    /// The cache.
    pub site: Site,
    /// The directory that all paths are in.
    pub dir: StoreDir,
    /// Whom to believe.
    pub trust: Trust,
    /// Who has what the cache leaves out.
    pub elsewhere: Upstreams,
    /// What reading takes.
    pub means: Means,
}

pub(super) struct Cache {
    pub(super) from: FromCache,
    pub(super) shelves: Arc<Shelves>,
}

#[async_trait]
impl Supply for Cache {
    async fn more(
        &self,
        paths: &BTreeSet<StorePath>,
        known: &[PathInfo],
    ) -> Result<Vec<PathInfo>, SourceError> {
        let FromCache { site, dir, trust, elsewhere, means } = &self.from;
        let question = Whole { site, roots: paths, known, dir, trust, elsewhere };
        let Believed { snapshot, packs, unproven } = whole(question).await?;
        let infos = snapshot.paths.values().map(|saved| saved.info.clone()).collect();
        let wanted = snapshot.paths.keys().cloned().collect();
        let shelf = Shelf::new(Arc::new(snapshot), wanted, unproven, Arc::new(packs), means.clone());
        self.shelves.add(shelf);
        Ok(infos)
    }
}
