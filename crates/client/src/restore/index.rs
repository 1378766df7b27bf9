//! What is where in the packs that are needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use snowbank_cas::id::{ChunkHash, FrameHash};
use snowbank_cas::pack::Footer;

use super::report::Reason;
use crate::snapshot::{PackRef, Recipe, Run};

/// A frame, and what must come out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) pack: u32,
    pub(crate) offset: u32,
    pub(crate) stored_len: u32,
    pub(crate) raw_len: u32,
    pub(crate) chunk: ChunkHash,
}

/// The frames of a pack: 76 bytes each.
#[derive(Debug)]
pub(crate) struct PackIndex {
    chunks: Vec<ChunkHash>,
    frames: Vec<FrameHash>,
    /// Where each begins, and the last ends.
    offsets: Vec<u32>,
    /// Bytes of the chunks before each, and of all.
    raw: Vec<u64>,
}

impl PackIndex {
    pub(crate) fn of(footer: &Footer) -> Self {
        let (mut offset, mut raw) = (0u32, 0u64);
        let mut index = Self { chunks: Vec::new(), frames: Vec::new(), offsets: vec![0], raw: vec![0] };
        for entry in &footer.entries {
            // Decoding has seen to it that they add up to the pack.
            offset = offset.saturating_add(entry.stored_len);
            raw += u64::from(entry.raw_len);
            index.chunks.push(entry.chunk);
            index.frames.push(entry.frame);
            index.offsets.push(offset);
            index.raw.push(raw);
        }
        index
    }

    /// A frame of it, as one of the pack with this number.
    pub(crate) fn frame(&self, pack: u32, at: u32) -> Option<Frame> {
        let at = at as usize;
        let (offset, end) = (*self.offsets.get(at)?, *self.offsets.get(at + 1)?);
        let raw_len = u32::try_from(self.raw.get(at + 1)? - self.raw.get(at)?).ok()?;
        Some(Frame { pack, offset, stored_len: end - offset, raw_len, chunk: *self.chunks.get(at)? })
    }

    /// The hash of a frame as it is stored.
    pub(crate) fn hash(&self, at: u32) -> Option<FrameHash> {
        self.frames.get(at as usize).copied()
    }

    /// Bytes of the frames of a run, stored and raw; none when it is not within the pack.
    pub(crate) fn measure(&self, run: &Run) -> Option<(u64, u64)> {
        let (first, end) = (run.first as usize, (run.first as usize).checked_add(run.count as usize)?);
        let stored = self.offsets.get(end)?.checked_sub(*self.offsets.get(first)?)?;
        let raw = self.raw.get(end)?.checked_sub(*self.raw.get(first)?)?;
        Some((u64::from(stored), raw))
    }
}

/// A pack that is there.
pub(crate) struct Located<A> {
    pub(crate) pack: PackRef,
    pub(crate) index: PackIndex,
    at: Mutex<A>,
}

impl<A: Clone> Located<A> {
    pub(crate) fn new(pack: PackRef, footer: &Footer, at: A) -> Self {
        Self { pack, index: PackIndex::of(footer), at: Mutex::new(at) }
    }

    pub(crate) fn at(&self) -> A {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn moved(&self, at: A) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// Why a pack cannot be used.
pub(crate) type Loss = (Reason, String);

/// The packs that were found, and why the others were not.
pub(crate) struct Packs<A> {
    pub(crate) found: BTreeMap<u32, Located<A>>,
    pub(crate) lost: BTreeMap<u32, Loss>,
}

impl<A> Packs<A> {
    /// Bytes of the frames of a recipe, stored, if all are there and make a stream of `size` bytes.
    pub(crate) fn measure(&self, recipe: &Recipe, size: u64) -> Result<u64, Loss> {
        let wrong = |why: &str| (Reason::Recipe, why.to_owned());
        let (mut stored, mut raw) = (0u64, 0u64);
        for run in &recipe.0 {
            let Some(pack) = self.found.get(&run.pack) else {
                let loss = self.lost.get(&run.pack).cloned();
                return Err(loss.unwrap_or_else(|| wrong("it names a pack that does not exist")));
            };
            let frames = pack.index.measure(run);
            let (more, more_raw) =
                frames.ok_or_else(|| wrong("it names frames that its packs do not have"))?;
            stored = stored.saturating_add(more);
            raw = raw.saturating_add(more_raw);
        }
        if raw == size { Ok(stored) } else { Err(wrong("its frames do not add up to its size")) }
    }

    /// Frame `at` of a run of a recipe, and whether it is the run's last; none behind the last run.
    pub(crate) fn frame(&self, recipe: &Recipe, run: usize, at: u32) -> Option<(Frame, bool)> {
        let run = recipe.0.get(run)?;
        let frame = self.found.get(&run.pack)?.index.frame(run.pack, run.first.checked_add(at)?)?;
        Some((frame, at + 1 >= run.count))
    }
}
