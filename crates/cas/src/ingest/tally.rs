//! Sums over a recipe's frames.

use blake3::Hasher;

use super::Ingested;
use crate::id::ObjectHash;
use crate::recipe::FrameRef;

/// What is summed up while frames go by in order.
#[derive(Default)]
pub(crate) struct Tally {
    raw_size: u64,
    stored_size: u64,
    frames: u64,
    new_frames: u64,
    new_stored_bytes: u64,
    etag: Box<Hasher>,
    chunks: Box<Hasher>,
}

impl Tally {
    /// The next frame of the recipe.
    pub(crate) fn frame(&mut self, frame: &FrameRef) {
        self.raw_size += u64::from(frame.raw_len);
        self.stored_size += u64::from(frame.stored_len);
        self.frames += 1;
        self.etag.update(frame.frame.as_bytes()).update(&frame.stored_len.to_le_bytes());
        self.chunks.update(frame.chunk.as_bytes()).update(&frame.raw_len.to_le_bytes());
    }

    /// A frame that was not stored before.
    pub(crate) fn new_frame(&mut self, frame: &FrameRef) {
        self.new_frames += 1;
        self.new_stored_bytes += u64::from(frame.stored_len);
    }

    /// The sums.
    pub(crate) fn finish(&self) -> Ingested {
        Ingested {
            raw_size: self.raw_size,
            stored_size: self.stored_size,
            frames: self.frames,
            new_frames: self.new_frames,
            new_stored_bytes: self.new_stored_bytes,
            etag: ObjectHash::from_bytes(*self.etag.finalize().as_bytes()),
            chunk_tally: ObjectHash::from_bytes(*self.chunks.finalize().as_bytes()),
        }
    }
}
