//! A pack that somebody else made, kept as it lies.

use std::error::Error;
use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use rayon::prelude::*;

use super::IngestError;
use crate::adopt::{AdoptError, check_frame};
use crate::bucket::{Bucket, BucketError, SpooledFile};
use crate::budget::Class;
use crate::frame::Decoder;
use crate::id::{ObjectHash, PackId};
use crate::index::ChunkIndex;
use crate::pack::{Footer, MAX_OBJECT, PackError, trailer_len};
use crate::packer::ClosedPack;
use crate::pool::Pool;
use crate::recipe::FrameRef;
use crate::work::{blocking, computing};

/// Bytes that an adoption holds at most: a footer, and for each of a few processors a frame and a chunk.
pub const ADOPT_MEMORY: u64 = 64 << 20;

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

/// A foreign pack was not adopted; it may still be ingested as what it is.
#[derive(Debug, thiserror::Error)]
pub enum AdoptPackError {
    /// It is no pack, or its footer lies.
    #[error("the upload is not a pack")]
    NotAPack(#[from] PackError),
    /// A frame is not what the footer says, or not such as our own.
    #[error("frame {index} of the pack is not kept as it is")]
    Frame {
        /// The frame's place in the pack.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: AdoptError,
    },
    /// The source, the bucket or the index failed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Checks every frame of the pack that `source` is, on all processors, and stores it as it is. Takes
/// [`ADOPT_MEMORY`] from the budget's jobs; the source's pieces are not counted.
///
/// # Errors
/// [`AdoptPackError`]; nothing is stored unless the index failed at the end.
pub async fn adopt_pack<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Adopted, AdoptPackError> {
    let _permit = bucket.budget().take(Class::Job, ADOPT_MEMORY).await;
    let (spooled, hash) = spool(bucket, source).await?;
    let size = spooled.size();
    let (spooled, checked) = computing(move || {
        let checked = check(&spooled);
        (spooled, checked)
    })
    .await;
    let pack = ClosedPack::of(checked?, hash, spooled);
    let (pack, frames) = pack.store(bucket, index).await.map_err(IngestError::from)?;
    Ok(Adopted { pack, hash, size, frames })
}

/// Brings the source to the disk, where its end can be read before its beginning.
async fn spool<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    source: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(SpooledFile, ObjectHash), AdoptPackError> {
    let mut spooled = bucket.spool().await.map_err(IngestError::from)?;
    let mut hasher = Box::new(blake3::Hasher::new());
    let mut source = pin!(source);
    while let Some(piece) = source.next().await {
        let piece = piece.map_err(|error| IngestError::Source(error.into()))?;
        let size = spooled.size() + piece.len() as u64;
        if size > MAX_OBJECT {
            return Err(PackError::TooLarge(size).into());
        }
        let appended;
        (spooled, hasher, appended) = blocking(move || {
            hasher.update(&piece);
            let appended = spooled.append(&piece);
            (spooled, hasher, appended)
        })
        .await;
        appended.map_err(failed)?;
    }
    Ok((spooled, ObjectHash::from_bytes(*hasher.finalize().as_bytes())))
}

fn failed(error: std::io::Error) -> AdoptPackError {
    IngestError::Bucket(BucketError::new("spool", "a pack", error)).into()
}

fn check(spooled: &SpooledFile) -> Result<Footer, AdoptPackError> {
    let size = spooled.size();
    let tail = |len: u64| {
        let len = len.min(size);
        let mut tail = vec![0; len as usize];
        spooled.read_exact_at(&mut tail, size - len).map(|()| tail).map_err(failed)
    };
    let footer = Footer::len_from_trailer(&tail(trailer_len())?, size)?;
    let footer = Footer::decode(&tail(footer)?, size)?;
    let tools = Pool::new();
    let places: Vec<_> = footer.entries_with_offsets().enumerate().collect();
    places.into_par_iter().try_for_each(|(index, (offset, entry))| {
        let make = || Ok((decoder(index)?, Vec::new()));
        tools.with(make, |(decoder, frame)| {
            frame.resize(entry.stored_len as usize, 0);
            spooled.read_exact_at(frame, u64::from(offset)).map_err(failed)?;
            check_frame(entry, frame, decoder).map_err(|source| AdoptPackError::Frame { index, source })
        })
    })?;
    Ok(footer)
}

fn decoder(index: usize) -> Result<Decoder, AdoptPackError> {
    Decoder::new().map_err(|error| AdoptPackError::Frame { index, source: error.into() })
}
