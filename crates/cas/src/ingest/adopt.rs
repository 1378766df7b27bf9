//! A pack that somebody else made, kept as it lies.

use std::error::Error;

use bytes::Bytes;
use futures::Stream;

use super::IngestError;
use super::foreign::{AdoptPackError, Foreign};
use crate::bucket::Bucket;
use crate::id::{ObjectHash, PackId};
use crate::index::ChunkIndex;
use crate::pack::MAX_OBJECT;
use crate::packer::ClosedPack;
use crate::recipe::FrameRef;

/// A foreign pack that was checked and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Its number.
    pub pack: PackId,
    /// BLAKE3 of its object.
    pub hash: ObjectHash,
    /// Bytes of its object.
    pub size: u64,
    /// Its frames, in the order in which they lie.
    pub frames: Vec<FrameRef>,
}

/// Checks every frame of the pack that `source` is, on all processors, and stores it as it is. Takes
/// [`super::ADOPT_MEMORY`] from the budget's jobs when all of it has come.
///
/// # Errors
/// [`AdoptPackError`]; nothing is stored unless the index failed at the end.
pub async fn adopt_pack<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Adopted, AdoptPackError> {
    let Foreign { footer, hash, spooled, permit: _permit } =
        Foreign::receive(bucket, source, MAX_OBJECT).await?;
    let size = spooled.size();
    let pack = ClosedPack::of(footer, hash, spooled);
    let (pack, frames) = pack.store(bucket, index).await.map_err(IngestError::from)?;
    Ok(Adopted { pack, hash, size, frames })
}
