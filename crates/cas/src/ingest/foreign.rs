//! A pack that somebody else made, on the disk and checked.

use std::error::Error;
use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use rayon::prelude::*;

use super::IngestError;
use crate::adopt::{AdoptError, check_frame};
use crate::bucket::{Bucket, BucketError, SpooledFile};
use crate::budget::{Class, Permit};
use crate::frame::Decoder;
use crate::id::ObjectHash;
use crate::pack::{Footer, PackError, trailer_len};
use crate::pool::Pool;
use crate::work::{blocking, computing};

/// Bytes that an adoption holds at most: a footer, and for each of a few processors a frame and a chunk.
pub const ADOPT_MEMORY: u64 = 64 << 20;

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

/// A foreign pack of which every frame is the chunk that the footer says.
pub(super) struct Foreign {
    pub(super) footer: Footer,
    pub(super) hash: ObjectHash,
    pub(super) spooled: SpooledFile,
    /// For [`ADOPT_MEMORY`].
    pub(super) permit: Permit,
}

impl Foreign {
    /// Brings the source, of at most `most` bytes, to the disk, where its end can be read before its beginning, and
    /// checks every frame on all processors. Takes [`ADOPT_MEMORY`] from the budget's jobs when all of it has come.
    pub(super) async fn receive<E: Into<Box<dyn Error + Send + Sync>>>(
        bucket: &Bucket,
        source: impl Stream<Item = Result<Bytes, E>>,
        most: u64,
    ) -> Result<Self, AdoptPackError> {
        let (spooled, hash) = spool(bucket, source, most).await?;
        // Whoever sends slowly holds nothing of what others need.
        let permit = bucket.budget().take(Class::Job, ADOPT_MEMORY).await;
        let (spooled, footer) = computing(move || {
            let checked = check(&spooled);
            (spooled, checked)
        })
        .await;
        Ok(Self { footer: footer?, hash, spooled, permit })
    }
}

async fn spool<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    source: impl Stream<Item = Result<Bytes, E>>,
    most: u64,
) -> Result<(SpooledFile, ObjectHash), AdoptPackError> {
    let mut spooled = bucket.spool().await.map_err(IngestError::from)?;
    let mut hasher = Box::new(blake3::Hasher::new());
    let mut source = pin!(source);
    while let Some(piece) = source.next().await {
        let piece = piece.map_err(|error| IngestError::Source(error.into()))?;
        let size = spooled.size() + piece.len() as u64;
        if size > most {
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

/// What it means that the spooled file failed.
pub(super) fn failed(error: std::io::Error) -> AdoptPackError {
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
