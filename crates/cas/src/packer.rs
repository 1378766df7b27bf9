//! Filling packs.

use std::path::{Path, PathBuf};

use crate::bucket::{Bucket, BucketError, SpooledFile, pack_name};
use crate::id::{ObjectHash, PackId};
use crate::index::{ChunkIndex, IndexError};
use crate::pack::{Footer, PackBuilder, PackEntry, PackError};
use crate::recipe::FrameRef;

/// Why a pack could not be filled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FillError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// Why a pack could not be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// A pack that takes no more frames, spooled and not yet stored.
pub(crate) struct ClosedPack {
    footer: Footer,
    hash: ObjectHash,
    spooled: SpooledFile,
}

/// Fills one pack after the other. Methods wait for the disk.
pub(crate) struct Packer {
    spool: PathBuf,
    target: u64,
    open: Option<(PackBuilder, SpooledFile)>,
    closed: usize,
}

impl Packer {
    /// Packs of `target` bytes of frames.
    pub(crate) fn new(bucket: &Bucket, target: u64) -> Self {
        Self { spool: bucket.spool_folder().to_owned(), target, open: None, closed: 0 }
    }

    /// The place of the pack under way in the order of all packs of this packer.
    pub(crate) const fn current(&self) -> usize {
        self.closed
    }

    /// Adds a frame to the pack under way and returns where in it the frame lies. When there was no room, the
    /// full pack comes back, and the frame is in the next one.
    pub(crate) fn push(
        &mut self,
        entry: PackEntry,
        frame: &[u8],
    ) -> Result<(u32, Option<ClosedPack>), FillError> {
        let full = match &self.open {
            Some((builder, _)) if !builder.fits(entry.stored_len) => self.close()?,
            _ => None,
        };
        let (builder, spooled) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert((PackBuilder::new(self.target), spool(&self.spool)?)),
        };
        let offset = builder.push_hashed(entry, frame)?;
        append(spooled, frame)?;
        Ok((offset, full))
    }

    /// Ends the pack under way, if there is one.
    pub(crate) fn close(&mut self) -> Result<Option<ClosedPack>, BucketError> {
        let Some((builder, mut spooled)) = self.open.take() else { return Ok(None) };
        let (footer, tail, hash) = builder.finish();
        append(&mut spooled, &tail)?;
        self.closed += 1;
        Ok(Some(ClosedPack { footer, hash, spooled }))
    }
}

fn spool(folder: &Path) -> Result<SpooledFile, BucketError> {
    SpooledFile::new(folder).map_err(|error| BucketError::new("spool", "a pack", error))
}

fn append(spooled: &mut SpooledFile, bytes: &[u8]) -> Result<(), BucketError> {
    spooled.append(bytes).map_err(|error| BucketError::new("spool", "a pack", error))
}

impl ClosedPack {
    /// A pack that somebody else made.
    pub(crate) const fn of(footer: Footer, hash: ObjectHash, spooled: SpooledFile) -> Self {
        Self { footer, hash, spooled }
    }

    /// Begins the pack, stores its object and tells the index. Returns its number and frames.
    pub(crate) async fn store(
        self,
        bucket: &Bucket,
        index: &dyn ChunkIndex,
    ) -> Result<(PackId, Vec<FrameRef>), StoreError> {
        let pack = index.begin_pack().await?;
        let size = self.spooled.size();
        bucket.put_spooled(&pack_name(pack), self.spooled).await?;
        let frames: Vec<_> = self
            .footer
            .entries_with_offsets()
            .map(|(offset, &PackEntry { chunk, frame, raw_len, stored_len })| FrameRef {
                chunk,
                frame,
                raw_len,
                stored_len,
                pack,
                offset,
            })
            .collect();
        index.pack_stored(pack, self.hash, size, &frames).await?;
        Ok((pack, frames))
    }
}
