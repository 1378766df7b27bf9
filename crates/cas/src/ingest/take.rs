//! The chunks of a pack that somebody else made, of which some may be here already.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use bytes::Bytes;
use futures::Stream;

use super::IngestError;
use super::foreign::{AdoptPackError, Foreign, failed};
use crate::bucket::Bucket;
use crate::id::{ChunkHash, ObjectHash};
use crate::index::ChunkIndex;
use crate::pack::{MAX_FRAMES, MAX_OBJECT, TARGET, object_size};
use crate::packer::{ClosedPack, Packer};
use crate::recipe::FrameRef;
use crate::work::blocking;

/// Bytes of the largest pack that is taken, footer included: one of as many frames as a pack may have, with
/// [`TARGET`] bytes in all.
pub const MAX_TAKEN: u64 = object_size(MAX_FRAMES as u64, TARGET);

/// What became of a foreign pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// BLAKE3 of the foreign pack.
    pub hash: ObjectHash,
    /// Where each frame's chunk lies now, in the order of the foreign pack. It is another frame than the one sent,
    /// perhaps of another length, where the chunk was here before.
    pub frames: Vec<FrameRef>,
    /// Chunks that were not here before, each once.
    pub new_frames: u64,
    /// Bytes of their frames.
    pub new_bytes: u64,
}

/// Checks every frame of the pack that `source` is, on all processors, and stores those whose chunks the index does
/// not know, as they are, each chunk once; if that is all of them, the pack as it lies. Takes [`super::ADOPT_MEMORY`] from the
/// budget's jobs when all of it has come.
///
/// What is new lies in one pack, which the lease of [`ChunkIndex::begin_pack`] protects until a recipe names it. What was
/// known is protected by whatever protected it before: whoever adds a page that names it may still hear that its pack
/// is going.
///
/// # Errors
/// [`AdoptPackError`], also for a pack of more than [`MAX_TAKEN`] bytes; nothing is stored unless the index failed at the
/// end.
pub async fn take_pack<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Taken, AdoptPackError> {
    let foreign = Foreign::receive(bucket, source, MAX_TAKEN).await?;
    let hash = foreign.hash;
    let chunks: Vec<_> = foreign.footer.entries.iter().map(|entry| entry.chunk).collect();
    let found = index.find(&chunks).await.map_err(IngestError::from)?;
    let mut places: HashMap<ChunkHash, FrameRef> =
        found.into_iter().flatten().map(|frame| (frame.chunk, frame)).collect();
    let mut new = Vec::new();
    if let Some(pack) = news(bucket, foreign, &places).await? {
        (_, new) = pack.store(bucket, index).await.map_err(IngestError::from)?;
    }
    places.extend(new.iter().map(|frame| (frame.chunk, *frame)));
    Ok(Taken {
        hash,
        // Each is either known or new.
        frames: chunks.iter().filter_map(|chunk| places.get(chunk).copied()).collect(),
        new_frames: new.len() as u64,
        new_bytes: new.iter().map(|frame| u64::from(frame.stored_len)).sum(),
    })
}

/// A pack of the frames whose chunks are not `known`; none if all are.
async fn news(
    bucket: &Bucket,
    foreign: Foreign,
    known: &HashMap<ChunkHash, FrameRef>,
) -> Result<Option<ClosedPack>, AdoptPackError> {
    let Foreign { footer, hash, spooled, permit: _permit } = foreign;
    let mut seen = HashSet::new();
    let new: Vec<_> = footer
        .entries_with_offsets()
        .filter(|(_, entry)| !known.contains_key(&entry.chunk) && seen.insert(entry.chunk))
        .map(|(offset, entry)| (offset, *entry))
        .collect();
    if new.len() == footer.entries.len() {
        return Ok(Some(ClosedPack::of(footer, hash, spooled)));
    }
    // With room for all, so that they come to lie in one pack.
    let mut packer = Packer::new(bucket, MAX_OBJECT);
    blocking(move || {
        let mut frame = Vec::new();
        for (offset, entry) in new {
            frame.resize(entry.stored_len as usize, 0);
            spooled.read_exact_at(&mut frame, u64::from(offset)).map_err(failed)?;
            packer.push(entry, &frame).map_err(IngestError::from)?;
        }
        Ok(packer.close().map_err(IngestError::from)?)
    })
    .await
}
