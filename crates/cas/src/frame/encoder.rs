//! Chunks into frames.

use zstd_safe::{CCtx, CParameter, get_error_name};

use super::{FrameError, bound};
use crate::chunker::MAX_CHUNK;

/// Compresses chunks one after the other with one set of tables (some MB, by level).
pub struct Encoder {
    context: CCtx<'static>,
}

impl Encoder {
    /// An encoder at a level of zstd: 1 is fastest, 3 zstd's default, 19 the smallest that is sensible.
    ///
    /// # Errors
    /// When zstd refuses a parameter.
    pub fn new(level: i32) -> Result<Self, FrameError> {
        let mut context = CCtx::try_create().ok_or(FrameError::Encode("out of memory"))?;
        // The window needs no bound: a chunk of known size never gets a larger one than its size asks for.
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ContentSizeFlag(true),
            CParameter::ChecksumFlag(true),
        ] {
            context.set_parameter(parameter).map_err(|code| FrameError::Encode(get_error_name(code)))?;
        }
        Ok(Self { context })
    }

    /// Puts the frame of `chunk` into `out`, in place of what was there.
    ///
    /// # Errors
    /// When the chunk is empty or longer than [`MAX_CHUNK`].
    pub fn encode_into(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let raw_len = u32::try_from(chunk.len())
            .ok()
            .filter(|len| (1..=MAX_CHUNK).contains(len))
            .ok_or(FrameError::ChunkLength(chunk.len()))?;
        out.clear();
        out.reserve(bound(raw_len) as usize);
        self.context.compress2(out, chunk).map_err(|code| FrameError::Encode(get_error_name(code)))?;
        Ok(())
    }

    /// The frame of `chunk`, in a vector of just its size.
    ///
    /// # Errors
    /// As [`Encoder::encode_into`].
    pub fn encode(&mut self, chunk: &[u8]) -> Result<Vec<u8>, FrameError> {
        let mut frame = Vec::new();
        self.encode_into(chunk, &mut frame)?;
        frame.shrink_to_fit();
        Ok(frame)
    }
}
