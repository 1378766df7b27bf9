//! What ingest asks of the catalog and tells it.

pub mod memory;

use std::error::Error;

use async_trait::async_trait;

use crate::id::{ChunkHash, ObjectHash, PackId};
use crate::recipe::{FrameRef, RecipePage};

/// The index did not answer, or refused what it was told.
#[derive(Debug, thiserror::Error)]
#[error("the chunk index failed")]
pub struct IndexError(#[source] Box<dyn Error + Send + Sync>);

impl IndexError {
    /// Wraps what the index's keeper reports.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }

    /// What the index's keeper reported, for a caller that knows its type.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

/// The chunks that are stored already, and the recipe under way. One value stands for one ingest: it knows whose
/// chunks may be shared and which recipe the pages belong to.
#[async_trait]
pub trait ChunkIndex: Send + Sync {
    /// Where these chunks lie, in the order asked; a missed duplicate is allowed.
    async fn find(&self, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>, IndexError>;

    /// A number for a pack about to be stored.
    async fn begin_pack(&self) -> Result<PackId, IndexError>;

    /// The pack's object is durable; its frames may be found from now on.
    async fn pack_stored(
        &self,
        pack: PackId,
        hash: ObjectHash,
        size: u64,
        frames: &[FrameRef],
    ) -> Result<(), IndexError>;

    /// Adds the next page of the recipe under way. All packs that it names are stored.
    async fn add_page(&self, number: u32, page: &RecipePage) -> Result<(), IndexError>;
}
