//! The arithmetic of a pack under way.

use super::{Footer, MAX_FRAMES, MAX_OBJECT, PackEntry, PackError, TARGET};
use crate::chunker::VERSION;
use crate::id::{ChunkHash, FrameHash, ObjectHash};

/// Keeps the index and the hash of a pack while somebody else keeps its bytes. Holds 72 bytes a frame.
pub struct PackBuilder {
    target: u64,
    entries: Vec<PackEntry>,
    stored: u64,
    hasher: blake3::Hasher,
}

impl Default for PackBuilder {
    fn default() -> Self {
        Self::new(TARGET)
    }
}

impl PackBuilder {
    /// An empty pack that is full at `target` bytes of frames.
    #[must_use]
    pub fn new(target: u64) -> Self {
        Self { target, entries: Vec::new(), stored: 0, hasher: blake3::Hasher::new() }
    }

    /// Adds the frame of a chunk and hashes it; returns its place in the object, in bytes. The caller appends
    /// the same bytes to the object.
    ///
    /// # Errors
    /// When the pack has reached the limits of every pack; see [`PackBuilder::fits`] for the target.
    pub fn push(&mut self, chunk: ChunkHash, raw_len: u32, frame: &[u8]) -> Result<u32, PackError> {
        let stored_len = u32::try_from(frame.len()).map_err(|_| PackError::Full)?;
        self.push_hashed(PackEntry { chunk, frame: FrameHash::of(frame), raw_len, stored_len }, frame)
    }

    /// [`PackBuilder::push`] for a frame whose hash is known already.
    ///
    /// # Errors
    /// As [`PackBuilder::push`], and when `entry` has another length than the frame.
    pub fn push_hashed(&mut self, entry: PackEntry, frame: &[u8]) -> Result<u32, PackError> {
        let offset = u32::try_from(self.stored).map_err(|_| PackError::Full)?;
        if frame.len() != entry.stored_len as usize {
            let PackEntry { raw_len, stored_len, .. } = entry;
            return Err(PackError::Entry { index: self.entries.len(), raw_len, stored_len });
        }
        // A mebibyte is more than the longest footer.
        if self.entries.len() == MAX_FRAMES || self.stored + frame.len() as u64 > MAX_OBJECT - (1 << 20) {
            return Err(PackError::Full);
        }
        self.hasher.update(frame);
        self.stored += frame.len() as u64;
        self.entries.push(entry);
        Ok(offset)
    }

    /// Whether a frame of `stored_len` bytes leaves the pack within its target. An empty pack takes any frame.
    #[must_use]
    pub fn fits(&self, stored_len: u32) -> bool {
        self.is_empty()
            || (self.entries.len() < MAX_FRAMES && self.stored + u64::from(stored_len) <= self.target)
    }

    /// Whether the pack has reached its target or holds as many frames as a pack may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() == MAX_FRAMES || self.stored >= self.target
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all frames so far: where the next one will lie.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Ends the pack: its index, the bytes that end the object, and the hash of the whole object.
    #[must_use]
    pub fn finish(mut self) -> (Footer, Vec<u8>, ObjectHash) {
        let footer = Footer { entries: self.entries, chunker_version: VERSION };
        let tail = footer.encode();
        self.hasher.update(&tail);
        let hash = ObjectHash::from_bytes(*self.hasher.finalize().as_bytes());
        (footer, tail, hash)
    }
}
