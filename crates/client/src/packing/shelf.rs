//! The packs under way: where every chunk is, old or new.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::{MAX_FRAMES, PackBuilder, PackEntry, PackError, record_len};

use crate::snapshot::PackRef;

/// Where a frame is: a pack's number and the frame's place in it.
pub(crate) type FramePlace = (u32, u32);

/// Files without names that packs were in and that the next ones are written over: fresh pages for all of them would cost
/// more than what is written to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<File>>>);

impl Spares {
    fn take(&self, folder: &Path) -> io::Result<File> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match spare {
            Some(mut file) => file.rewind().map(|()| file),
            None => tempfile::tempfile_in(folder),
        }
    }

    /// Takes a file back; one that somebody else still reads is left to him.
    pub(crate) fn give(&self, file: Arc<File>) {
        if let Some(file) = Arc::into_inner(file) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        }
    }
}

/// A pack that takes no more frames: the first bytes of a file without a name.
#[derive(Debug)]
pub(crate) struct ClosedPack {
    pub(crate) number: u32,
    pub(crate) pack: PackRef,
    pub(crate) file: Arc<File>,
    /// The lengths of its frames.
    pub(crate) lengths: Vec<u32>,
}

/// What came of frames that were added.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// The packs that became full.
    pub(crate) full: Vec<ClosedPack>,
    /// Whether there was no room for all of them.
    pub(crate) refused: bool,
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

/// The chunks that need no storing any more, and the packs that take new ones: one for each reader, so that the frames of
/// a path lie together. Holds about 60 bytes a chunk.
pub(crate) struct Shelf {
    folder: PathBuf,
    spares: Spares,
    target: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    places: HashMap<ChunkHash, FramePlace>,
    /// The number of the next pack.
    next: u32,
    /// The packs under way, by reader.
    open: BTreeMap<usize, Open>,
    /// Packs that became a part of another one, and behind how many frames.
    joined: HashMap<u32, FramePlace>,
    /// Bytes that more frames may take.
    room: u64,
    /// Bytes of the chunks that were added.
    fresh: u64,
}

struct Open {
    number: u32,
    builder: PackBuilder,
    file: File,
    entries: Vec<PackEntry>,
}

impl Shelf {
    /// Knows the chunks at `places`, which are in packs below number `first`; new packs are numbered from there.
    /// They are made in `folder`, of `target` bytes of frames.
    pub(crate) fn new(
        folder: PathBuf,
        target: u64,
        places: HashMap<ChunkHash, FramePlace>,
        first: u32,
    ) -> Self {
        let inner = Inner {
            places,
            next: first,
            open: BTreeMap::new(),
            joined: HashMap::new(),
            room: u64::MAX,
            fresh: 0,
        };
        Self { folder, spares: Spares::default(), target, inner: Mutex::new(inner) }
    }

    /// Has room for so many more bytes.
    pub(crate) fn allow(&self, room: u64) {
        self.lock().room = room;
    }

    /// Bytes of the chunks that were added so far.
    pub(crate) fn fresh(&self) -> u64 {
        self.lock().fresh
    }

    /// Bytes that there is room for.
    pub(crate) fn room(&self) -> u64 {
        self.lock().room
    }

    /// Where the files of packs go that are not needed any more.
    pub(crate) fn spares(&self) -> Spares {
        self.spares.clone()
    }

    /// Which of `chunks` nobody has put anywhere, as places in `chunks`; each one once.
    pub(crate) fn missing(&self, chunks: &[ChunkHash]) -> Vec<usize> {
        let inner = self.lock();
        let mut seen = HashSet::new();
        let new = |chunk: &ChunkHash| !inner.places.contains_key(chunk) && seen.insert(*chunk);
        chunks.iter().map(new).enumerate().filter_map(|(at, new)| new.then_some(at)).collect()
    }

    /// Where a chunk is, once all packs are closed.
    pub(crate) fn place(&self, chunk: &ChunkHash) -> Option<FramePlace> {
        let inner = self.lock();
        let (pack, frame) = *inner.places.get(chunk)?;
        Some(match inner.joined.get(&pack) {
            Some((into, behind)) => (*into, behind + frame),
            None => (pack, frame),
        })
    }

    /// Adds frames to the pack of `reader`; those whose chunk somebody else has added meanwhile are passed over, and none
    /// is added for which there is no room.
    pub(crate) fn add(&self, reader: usize, frames: &[(PackEntry, Vec<u8>)]) -> Result<Added, ShelfError> {
        let mut added = Added::default();
        let mut guard = self.lock();
        let inner = &mut *guard;
        for (entry, frame) in frames {
            if inner.places.contains_key(&entry.chunk) {
                continue;
            }
            let Some(room) = inner.room.checked_sub(u64::from(entry.stored_len) + record_len()) else {
                added.refused = true;
                break;
            };
            inner.room = room;
            if inner.open.get(&reader).is_some_and(|open| !open.builder.fits(entry.stored_len)) {
                added.full.extend(inner.open.remove(&reader).map(|open| self.close(open)).transpose()?);
            }
            let open = match inner.open.entry(reader) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(empty) => {
                    inner.next += 1;
                    empty.insert(self.open(inner.next - 1)?)
                }
            };
            let place = (open.number, open.entries.len() as u32);
            open.push(*entry, frame).map_err(|error| self.failed(error))?;
            inner.places.insert(entry.chunk, place);
            inner.fresh += u64::from(entry.raw_len);
        }
        Ok(added)
    }

    /// Ends the packs under way, as few as they fit into.
    pub(crate) fn finish(&self) -> Result<Vec<ClosedPack>, ShelfError> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let mut rest: Vec<_> = std::mem::take(&mut inner.open).into_values().collect();
        rest.sort_by_key(|open| std::cmp::Reverse(open.builder.stored()));
        let mut fewer: Vec<Open> = Vec::new();
        for open in rest {
            let host = fewer.iter_mut().find(|host| host.takes(&open, self.target));
            let Some(host) = host else {
                fewer.push(open);
                continue;
            };
            inner.joined.insert(open.number, (host.number, host.entries.len() as u32));
            host.join(&open).map_err(|error| self.failed(error))?;
        }
        fewer.into_iter().map(|open| self.close(open)).collect()
    }

    fn open(&self, number: u32) -> Result<Open, ShelfError> {
        let file = self.spares.take(&self.folder).map_err(|error| self.failed(Failed::Io(error)))?;
        Ok(Open { number, builder: PackBuilder::new(self.target), file, entries: Vec::new() })
    }

    fn close(&self, open: Open) -> Result<ClosedPack, ShelfError> {
        let Open { number, builder, mut file, entries } = open;
        let stored = builder.stored();
        let (_, footer, hash) = builder.finish();
        file.write_all(&footer).map_err(|error| self.failed(Failed::Io(error)))?;
        let pack = PackRef {
            hash,
            size: stored + footer.len() as u64,
            footer_len: footer.len() as u32,
            footer_hash: ObjectHash::of(&footer),
            copy: 0,
        };
        let lengths = entries.iter().map(|entry| entry.stored_len).collect();
        Ok(ClosedPack { number, pack, file: Arc::new(file), lengths })
    }

    fn failed(&self, error: Failed) -> ShelfError {
        match error {
            Failed::Io(error) => ShelfError::Spool { folder: self.folder.clone(), error },
            Failed::Pack(error) => ShelfError::Pack(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Failed {
    Io(io::Error),
    Pack(PackError),
}

impl Open {
    fn push(&mut self, entry: PackEntry, frame: &[u8]) -> Result<(), Failed> {
        self.builder.push_hashed(entry, frame).map_err(Failed::Pack)?;
        self.file.write_all(frame).map_err(Failed::Io)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Whether all of another pack fits in.
    fn takes(&self, other: &Self, target: u64) -> bool {
        self.builder.stored() + other.builder.stored() <= target
            && self.entries.len() + other.entries.len() <= MAX_FRAMES
    }

    /// Adds all frames of another pack. Holds one.
    fn join(&mut self, other: &Self) -> Result<(), Failed> {
        let (mut offset, mut frame) = (0, Vec::new());
        for entry in &other.entries {
            frame.resize(entry.stored_len as usize, 0);
            other.file.read_exact_at(&mut frame, offset).map_err(Failed::Io)?;
            self.push(*entry, &frame)?;
            offset += u64::from(entry.stored_len);
        }
        Ok(())
    }
}
