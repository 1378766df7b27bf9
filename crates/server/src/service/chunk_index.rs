//! The catalog as ingest wants to ask and tell it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::{ChunkHash, ObjectHash, PackId};
use snowbank_cas::index::{ChunkIndex, IndexError};
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::Catalog;
use snowbank_catalog::ids::{DomainId, RecipeId};
use snowbank_catalog::rooms::PageAdded;

/// The chunk index of one domain, writing one recipe.
pub(super) struct DomainIndex {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) domain: DomainId,
    /// The recipe that pages go to; nothing where frames are only moved.
    pub(super) recipe: Option<RecipeId>,
    /// How long a pack or the recipe is safe without a sign of life; each page renews the recipe's.
    pub(super) lease: Duration,
}

/// Why a fact was refused although the database is well.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("packs {0:?} were collected meanwhile")]
    NotLive(Vec<PackId>),
    #[error("the recipe's lease ran out")]
    RecipeGone,
    #[error("the lease of pack {0} ran out")]
    PackGone(PackId),
    #[error("no recipe is being written")]
    NoRecipe,
}

#[async_trait]
impl ChunkIndex for DomainIndex {
    async fn find(&self, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>, IndexError> {
        self.catalog.find_chunks(self.domain, chunks).await.map_err(IndexError::new)
    }

    async fn begin_pack(&self) -> Result<PackId, IndexError> {
        self.catalog.begin_pack(self.domain, self.lease).await.map_err(IndexError::new)
    }

    async fn pack_stored(
        &self,
        id: PackId,
        hash: ObjectHash,
        size: u64,
        frames: &[FrameRef],
    ) -> Result<(), IndexError> {
        match self.catalog.pack_stored(id, hash, size, frames).await.map_err(IndexError::new)? {
            true => Ok(()),
            false => Err(IndexError::new(Refused::PackGone(id))),
        }
    }

    async fn add_page(&self, number: u32, page: &RecipePage) -> Result<(), IndexError> {
        let recipe = self.recipe.ok_or_else(|| IndexError::new(Refused::NoRecipe))?;
        match self.catalog.add_page(recipe, number, page, self.lease).await.map_err(IndexError::new)? {
            PageAdded::Done => Ok(()),
            PageAdded::NotLive(packs) => Err(IndexError::new(Refused::NotLive(packs))),
            PageAdded::Gone => Err(IndexError::new(Refused::RecipeGone)),
        }
    }
}
