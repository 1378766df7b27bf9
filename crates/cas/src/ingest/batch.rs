//! Runs of chunks that go through the pipeline together.

use crate::spares::{Spare, Spares};

/// A batch is closed when it has this many bytes ...
const BYTES: usize = 4 << 20;
/// ... or chunks.
const CHUNKS: usize = 1024;

/// Chunks in the stream's order, in one buffer: at most 4 MiB and one chunk.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Spare,
    ends: Vec<usize>,
}

impl Batch {
    /// An empty batch with room for `largest`, the longest chunk that there can be, beyond its end.
    pub(super) fn new(spares: &Spares, largest: usize) -> Self {
        let mut bytes = spares.get();
        bytes.clear();
        bytes.reserve(BYTES + largest);
        Self { bytes, ends: Vec::new() }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES || self.ends.len() >= CHUNKS
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The chunk at `place`.
    pub(super) fn chunk(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[place]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_and_a_batch_fills_by_bytes_and_by_count() {
        let spares = Spares::default();
        let mut batch = Batch::new(&spares, 10);
        batch.push(b"first");
        batch.push(b"2");
        assert_eq!((batch.len(), batch.chunk(0), batch.chunk(1)), (2, &b"first"[..], &b"2"[..]));
        assert!(!batch.is_full());
        (2..CHUNKS).for_each(|_| batch.push(b"x"));
        assert!(batch.is_full());
        let mut batch = Batch::new(&spares, 10);
        batch.push(&vec![0; BYTES]);
        assert!(batch.is_full());
    }
}
