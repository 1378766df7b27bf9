//! A chunk index in memory, for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ChunkIndex, IndexError};
use crate::id::{ChunkHash, ObjectHash, PackId};
use crate::recipe::{FrameRef, RecipePage};

/// A chunk index in memory, for tests. Clones share the chunks and packs; [`MemoryIndex::next_recipe`] starts
/// another recipe over them.
#[derive(Clone, Debug, Default)]
pub struct MemoryIndex {
    shared: Arc<Mutex<Shared>>,
    pages: Arc<Mutex<Vec<RecipePage>>>,
}

#[derive(Debug, Default)]
struct Shared {
    begun: u64,
    chunks: HashMap<ChunkHash, FrameRef>,
    packs: HashMap<PackId, (ObjectHash, u64)>,
}

/// The index was told something that cannot be.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("pack {0} was not begun or was stored before")]
    Pack(PackId),
    #[error("page {0} is not the next")]
    Page(u32),
    #[error("page {number} names pack {pack}, which is not stored")]
    NotStored { number: u32, pack: PackId },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryIndex {
    /// The same chunks and packs with an empty recipe.
    #[must_use]
    pub fn next_recipe(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), pages: Arc::default() }
    }

    /// The recipe's pages so far.
    #[must_use]
    pub fn pages(&self) -> Vec<RecipePage> {
        lock(&self.pages).clone()
    }

    /// The packs stored so far: number, hash and size in bytes.
    #[must_use]
    pub fn packs(&self) -> Vec<(PackId, ObjectHash, u64)> {
        let mut packs: Vec<_> =
            lock(&self.shared).packs.iter().map(|(id, (hash, size))| (*id, *hash, *size)).collect();
        packs.sort_unstable_by_key(|pack| pack.0);
        packs
    }

    /// How many packs were begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        lock(&self.shared).begun
    }

    /// Forgets a chunk, as when it was found damaged.
    pub fn forget(&self, chunk: ChunkHash) {
        lock(&self.shared).chunks.remove(&chunk);
    }
}

#[async_trait]
impl ChunkIndex for MemoryIndex {
    async fn find(&self, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>, IndexError> {
        let shared = lock(&self.shared);
        Ok(chunks.iter().map(|chunk| shared.chunks.get(chunk).copied()).collect())
    }

    async fn begin_pack(&self) -> Result<PackId, IndexError> {
        let mut shared = lock(&self.shared);
        shared.begun += 1;
        Ok(PackId(shared.begun))
    }

    async fn pack_stored(
        &self,
        pack: PackId,
        hash: ObjectHash,
        size: u64,
        frames: &[FrameRef],
    ) -> Result<(), IndexError> {
        let mut shared = lock(&self.shared);
        if pack.0 > shared.begun || shared.packs.insert(pack, (hash, size)).is_some() {
            return Err(IndexError::new(Refused::Pack(pack)));
        }
        shared.chunks.extend(frames.iter().map(|frame| (frame.chunk, *frame)));
        Ok(())
    }

    async fn add_page(&self, number: u32, page: &RecipePage) -> Result<(), IndexError> {
        let shared = lock(&self.shared);
        let mut pages = lock(&self.pages);
        if pages.len() != number as usize {
            return Err(IndexError::new(Refused::Page(number)));
        }
        for frame in &page.frames {
            if !shared.packs.contains_key(&frame.pack) {
                return Err(IndexError::new(Refused::NotStored { number, pack: frame.pack }));
            }
        }
        pages.push(page.clone());
        Ok(())
    }
}
