//! What of a closure somebody has to send, and which chunks of it he may name instead.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_binary_cache::NarName;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::{HashPart, StoredNar};
use snowbank_nix::hash::NarHash;
use snowbank_nix::store_path::StorePath;

use super::CacheView;
use crate::service::Result;

/// Chunks that are told of at most, 32 bytes each: those of some hundred gigabytes.
const MOST: usize = 1 << 19;

/// Parcels that are told of at most.
const PARCELS: u64 = 4096;

/// NARs that are looked up together: what each mentions comes along, 512 KiB at most.
pub(super) const TOGETHER: usize = 32;

/// Recipes that are read at once.
const AT_ONCE: usize = 8;

/// What becomes of paths that are offered, each by its place.
#[derive(Clone, Debug, Default)]
pub struct Lacking {
    /// Those whose NAR is to be sent.
    pub nars: Vec<usize>,
    /// Those whose NAR is here, and that are only to be published.
    pub infos: Vec<usize>,
    /// Chunks that can be named.
    pub known: Vec<Nameable>,
}

/// Chunks that somebody may name.
#[derive(Clone, Debug)]
pub struct Nameable {
    /// Where they are.
    pub source: FrameSource,
    /// The chunks, in order.
    pub chunks: Vec<ChunkHash>,
}

/// What somebody may name frames in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameSource {
    /// A pack that he has sent.
    Pack(ObjectHash),
    /// A NAR that he may read.
    Nar(NarHash),
}

impl CacheView {
    /// What of these paths this cache lacks. What it has counts as used.
    ///
    /// # Errors
    /// When nothing may be pushed, or the catalog does not answer.
    pub async fn lacking(&self, offered: &[(StorePath, NarHash)]) -> Result<Lacking> {
        self.may_push()?;
        let catalog = &self.service.0.catalog;
        let parts: Vec<HashPart> = offered.iter().map(|(path, _)| HashPart::of(path)).collect();
        let there = catalog.paths(self.cache.id, &self.views, &parts).await?;
        there.iter().for_each(|path| self.service.0.access.note_path(path.id));
        let there: HashSet<HashPart> = there.iter().map(|path| HashPart::of(&path.info.path)).collect();
        let missing: Vec<usize> = (0..offered.len()).filter(|&at| !there.contains(&parts[at])).collect();
        let hashes: Vec<NarHash> = missing.iter().map(|&at| offered[at].1).collect();
        let here = self.hashes_here(&hashes).await?;
        let (infos, nars) = missing.into_iter().partition(|&at| here.contains(&offered[at].1));
        let mut lacking = Lacking { nars, infos, known: Vec::new() };
        if !lacking.nars.is_empty() {
            let names: HashSet<&str> = lacking.nars.iter().map(|&at| offered[at].0.name()).collect();
            lacking.known = self.nameable(names.into_iter().map(str::to_owned).collect()).await?;
        }
        Ok(lacking)
    }

    /// Which of these NARs the pusher may read, or has sent.
    async fn hashes_here(&self, hashes: &[NarHash]) -> Result<HashSet<NarHash>> {
        let mut here = HashSet::new();
        for some in hashes.chunks(TOGETHER) {
            here.extend(self.nars_here(some).await?.into_keys());
        }
        Ok(here)
    }

    /// The NARs among these, [`TOGETHER`] at most, that the pusher may read, or has sent.
    pub(super) async fn nars_here(&self, hashes: &[NarHash]) -> Result<HashMap<NarHash, StoredNar>> {
        let catalog = &self.service.0.catalog;
        let names: Vec<String> = hashes.iter().map(|hash| NarName(*hash).to_string()).collect();
        let staged = catalog.staged_many(self.cache.id, self.view(), &self.pusher, &names).await?;
        let readable = catalog.nars(self.cache.id, &self.views, hashes).await?;
        let all = staged.into_iter().map(|(_, staged)| staged.nar).chain(readable);
        Ok(all.map(|nar| (nar.hash, nar)).collect())
    }

    /// The chunks of what the pusher has sent before, and of the newest paths of these names.
    async fn nameable(&self, names: Vec<String>) -> Result<Vec<Nameable>> {
        let catalog = &self.service.0.catalog;
        let parcels = catalog.parcels(self.sender(), PARCELS).await?;
        let named = catalog.latest_named(self.cache.id, &self.views, &names).await?;
        let mut seen = HashSet::new();
        let nars = named.into_iter().filter_map(|path| Some((path.info.nar_hash, path.nar?.recipe)));
        let nars = nars.filter(|(hash, _)| seen.insert(*hash));
        let sources = parcels
            .into_iter()
            .map(|parcel| (FrameSource::Pack(parcel.hash), parcel.recipe))
            .chain(nars.map(|(hash, recipe)| (FrameSource::Nar(hash), recipe)));
        let mut reading = stream::iter(sources)
            .map(|(source, recipe)| async move {
                Ok::<_, crate::service::ServiceError>(Nameable { source, chunks: self.chunks(recipe).await? })
            })
            .buffered(AT_ONCE);
        let (mut known, mut count) = (Vec::new(), 0);
        while let Some(next) = reading.try_next().await? {
            count += next.chunks.len();
            if count > MOST {
                break;
            }
            known.push(next);
        }
        Ok(known)
    }

    /// The chunks of a recipe; of one that has more than there is room for, too many.
    async fn chunks(&self, recipe: RecipeId) -> Result<Vec<ChunkHash>> {
        let mut chunks = Vec::new();
        for number in 0.. {
            let Some(page) = self.service.0.catalog.page(recipe, number).await? else { break };
            chunks.extend(page.page.frames.iter().map(|frame| frame.chunk));
            if chunks.len() > MOST {
                break;
            }
        }
        Ok(chunks)
    }
}
