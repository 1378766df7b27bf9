//! The part of the pipeline that all processors work on.

use std::sync::Arc;

use rayon::prelude::*;

use super::batch::Batch;
use crate::frame::{Encoder, FrameError};
use crate::id::{ChunkHash, FrameHash};
use crate::pack::PackEntry;
use crate::pool::Pool;
use crate::work::computing;

/// A new frame.
pub(super) struct Compressed {
    pub(super) entry: PackEntry,
    pub(super) frame: Vec<u8>,
}

/// The hashes of a batch's chunks, in order.
pub(super) async fn hash(batch: &Arc<Batch>) -> Vec<ChunkHash> {
    let batch = Arc::clone(batch);
    computing(move || {
        (0..batch.len()).into_par_iter().map(|place| ChunkHash::of(batch.chunk(place))).collect()
    })
    .await
}

/// Compresses the chunks at these places, in order.
pub(super) struct Compressor {
    level: i32,
    encoders: Pool<Encoder>,
}

impl Compressor {
    pub(super) fn new(level: i32) -> Arc<Self> {
        Arc::new(Self { level, encoders: Pool::new() })
    }

    pub(super) async fn compress(
        self: &Arc<Self>,
        batch: &Arc<Batch>,
        chunks: Vec<(usize, ChunkHash)>,
    ) -> Result<Vec<Compressed>, FrameError> {
        let (this, batch) = (Arc::clone(self), Arc::clone(batch));
        computing(move || {
            chunks.into_par_iter().map(|(place, hash)| this.encode(batch.chunk(place), hash)).collect()
        })
        .await
    }

    fn encode(&self, bytes: &[u8], chunk: ChunkHash) -> Result<Compressed, FrameError> {
        let frame = self.encoders.with(|| Encoder::new(self.level), |encoder| encoder.encode(bytes))?;
        let entry = PackEntry {
            chunk,
            frame: FrameHash::of(&frame),
            raw_len: bytes.len() as u32,
            stored_len: frame.len() as u32,
        };
        Ok(Compressed { entry, frame })
    }
}
