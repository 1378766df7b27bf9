//! What is served: the paths of a snapshot whose packs are there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};
use tokio::sync::Semaphore;

use super::flow;
use super::hoard::Hoard;
use super::pieces::{Part, Piece};
use super::usage::Usage;
use crate::observer::Observer;
use crate::restore::{Loss, PackSource, Reader, Reason, check};
use crate::snapshot::{Recipe, Snapshot, Source};

/// A path that can be had.
pub(super) struct Item {
    pub(super) info: PathInfo,
    recipe: Recipe,
    /// Bytes of its frames.
    pub(super) stored: u64,
}

/// What is served.
pub(super) struct Shelf<P: PackSource> {
    pub(super) dir: StoreDir,
    reader: Reader<P>,
    items: Vec<Item>,
    by_hash_part: HashMap<String, usize>,
    by_nar: HashMap<NarHash, usize>,
    pub(super) hoard: Hoard,
    pub(super) usage: Usage,
    /// NARs on their way.
    pub(super) flows: Arc<Semaphore>,
    /// Parts that are fetched ahead of all of them.
    pub(super) ahead: Arc<Semaphore>,
}

impl<P: PackSource> Shelf<P> {
    /// Looks up all packs of the snapshot.
    pub(super) async fn open(
        snapshot: &Snapshot,
        packs: Arc<P>,
        usage: Usage,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let all: BTreeSet<u32> = (0u32..).take(snapshot.packs.len()).collect();
        let reader = Reader::open(packs, &snapshot.packs, &all, observer).await;
        let item = |saved: &crate::snapshot::SavedPath| {
            let Source::Packs(recipe) = &saved.source else { return None };
            let stored = check(&saved.info, &saved.source, &reader.packs, &snapshot.dir).ok()?;
            Some(Item { info: saved.info.clone(), recipe: recipe.clone(), stored })
        };
        let items: Vec<Item> = snapshot.paths.values().filter_map(item).collect();
        let places = || items.iter().map(|item| &item.info).zip(0..);
        Self {
            dir: snapshot.dir.clone(),
            by_hash_part: places().map(|(info, at)| (info.path.hash_part().to_owned(), at)).collect(),
            by_nar: places().map(|(info, at)| (info.nar_hash, at)).collect(),
            items,
            reader,
            hoard: Hoard::new(),
            usage,
            flows: Arc::new(Semaphore::new(flow::FLOWS)),
            ahead: Arc::new(Semaphore::new(flow::ALL_AHEAD)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn item(&self, at: usize) -> &Item {
        &self.items[at]
    }

    /// The path whose name begins so.
    pub(super) fn by_hash_part(&self, hash_part: &str) -> Option<&Item> {
        self.by_hash_part.get(hash_part).map(|&at| &self.items[at])
    }

    /// A path that unpacks from this NAR.
    pub(super) fn by_nar(&self, hash: &NarHash) -> Option<usize> {
        self.by_nar.get(hash).copied()
    }

    /// Those of the paths that can be had, in their order; by their NARs, as they will be asked for.
    pub(super) fn places(&self, paths: &[StorePath]) -> Vec<usize> {
        let place = |path: &StorePath| self.by_nar(&self.by_hash_part(path.hash_part())?.info.nar_hash);
        paths.iter().filter_map(place).collect()
    }

    /// The frames of a path, in order.
    pub(super) fn pieces(&self, at: usize) -> impl Iterator<Item = Piece> {
        let frames = self.items[at].recipe.frames();
        frames.filter_map(|(pack, frame)| {
            let index = &self.reader.packs.found.get(&pack)?.index;
            let place = index.frame(pack, frame)?;
            Some(Piece { pack, offset: place.offset, len: place.stored_len, hash: index.hash(frame)? })
        })
    }

    /// Fetches a part and checks its frames.
    pub(super) async fn fetch(&self, part: Part) -> Result<Vec<Bytes>, Loss> {
        let bytes = self.reader.read(part.pack, part.range.clone()).await?;
        let damaged = format!("a frame of the pack {} is not what it should be", part.pack);
        // Hashing some megabytes keeps others waiting.
        let cut = tokio::task::spawn_blocking(move || part.cut(&bytes)).await;
        cut.ok().flatten().ok_or((Reason::Damaged, damaged))
    }

    pub(super) fn try_again(&self) {
        self.reader.try_again();
    }
}
