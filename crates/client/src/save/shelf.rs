//! The packs under way: where every chunk is, old or new.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::{PackBuilder, PackEntry, PackError};

use crate::snapshot::PackRef;

/// Where a frame is: a pack's number and the frame's place in it.
pub(super) type FramePlace = (u32, u32);

/// A pack that takes no more frames: complete in a file without a name.
#[derive(Debug)]
pub(super) struct ClosedPack {
    pub(super) number: u32,
    pub(super) pack: PackRef,
    pub(super) file: Arc<File>,
}

/// A pack could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Its temporary file cannot be written.
    #[error("cannot write a pack to a temporary file in {}", .folder.display())]
    Spool {
        /// Where the file is.
        folder: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A frame cannot be in a pack.
    #[error("cannot make a pack")]
    Pack(#[from] PackError),
}

/// The chunks that need no storing any more, and the pack that takes new ones. Holds about 60 bytes a chunk.
pub(super) struct Shelf {
    folder: PathBuf,
    target: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    places: HashMap<ChunkHash, FramePlace>,
    /// The number of the pack under way.
    number: u32,
    open: Option<(PackBuilder, File, u32)>,
}

impl Shelf {
    /// Knows the chunks at `places`, which are in packs below number `first`; new packs are numbered from there.
    /// They are made in `folder`, of `target` bytes of frames.
    pub(super) fn new(
        folder: PathBuf,
        target: u64,
        places: HashMap<ChunkHash, FramePlace>,
        first: u32,
    ) -> Self {
        Self { folder, target, inner: Mutex::new(Inner { places, number: first, open: None }) }
    }

    /// Which of `chunks` nobody has put anywhere, as places in `chunks`; each one once.
    pub(super) fn missing(&self, chunks: &[ChunkHash]) -> Vec<usize> {
        let inner = self.lock();
        let mut seen = std::collections::HashSet::new();
        let new = |chunk: &ChunkHash| !inner.places.contains_key(chunk) && seen.insert(*chunk);
        chunks.iter().map(new).enumerate().filter_map(|(at, new)| new.then_some(at)).collect()
    }

    /// Where a chunk is.
    pub(super) fn place(&self, chunk: &ChunkHash) -> Option<FramePlace> {
        self.lock().places.get(chunk).copied()
    }

    /// Adds frames; those whose chunk somebody else has added meanwhile are passed over. Returns the packs that
    /// became full.
    pub(super) fn add(&self, frames: &[(PackEntry, Vec<u8>)]) -> Result<Vec<ClosedPack>, ShelfError> {
        let mut closed = Vec::new();
        let mut inner = self.lock();
        for (entry, frame) in frames {
            if inner.places.contains_key(&entry.chunk) {
                continue;
            }
            if inner.open.as_ref().is_some_and(|(builder, ..)| !builder.fits(entry.stored_len)) {
                closed.extend(self.close(&mut inner)?);
            }
            let number = inner.number;
            let (builder, file, count) = match &mut inner.open {
                Some(open) => open,
                empty => {
                    let file = tempfile::tempfile_in(&self.folder).map_err(|error| self.spool(error))?;
                    empty.insert((PackBuilder::new(self.target), file, 0))
                }
            };
            builder.push_hashed(*entry, frame)?;
            file.write_all(frame).map_err(|error| self.spool(error))?;
            let place = (number, *count);
            *count += 1;
            inner.places.insert(entry.chunk, place);
        }
        Ok(closed)
    }

    /// Ends the pack under way, if there is one.
    pub(super) fn finish(&self) -> Result<Option<ClosedPack>, ShelfError> {
        self.close(&mut self.lock())
    }

    fn close(&self, inner: &mut Inner) -> Result<Option<ClosedPack>, ShelfError> {
        let Some((builder, mut file, _)) = inner.open.take() else { return Ok(None) };
        let stored = builder.stored();
        let (_, footer, hash) = builder.finish();
        file.write_all(&footer).map_err(|error| self.spool(error))?;
        let number = inner.number;
        inner.number += 1;
        let pack = PackRef {
            hash,
            size: stored + footer.len() as u64,
            footer_len: footer.len() as u32,
            footer_hash: ObjectHash::of(&footer),
            copy: 0,
        };
        Ok(Some(ClosedPack { number, pack, file: Arc::new(file) }))
    }

    fn spool(&self, error: io::Error) -> ShelfError {
        ShelfError::Spool { folder: self.folder.clone(), error }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
