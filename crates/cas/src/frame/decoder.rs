//! Frames back into chunks.

use zstd_safe::{DCtx, find_frame_compressed_size, get_error_name};

use super::{FrameError, MAX_WINDOW};
use crate::chunker::MAX_CHUNK;
use crate::zstd_guard::{FrameHeader, Inspected, inspect};

/// Decompresses frames one after the other with one context (about 100 KB), and holds the last
/// chunk of [`Decoder::decode`].
pub struct Decoder {
    context: DCtx<'static>,
    chunk: Vec<u8>,
}

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self, FrameError> {
        let context = DCtx::try_create().ok_or(FrameError::Corrupt("out of memory"))?;
        Ok(Self { context, chunk: Vec::new() })
    }

    /// The chunk of `frame`, in a buffer of the decoder's own.
    ///
    /// # Errors
    /// As [`Decoder::decode_into`].
    pub fn decode(&mut self, frame: &[u8], raw_len: u32) -> Result<&[u8], FrameError> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let decoded = self.decode_into(frame, raw_len, &mut chunk);
        self.chunk = chunk;
        decoded.map(|()| self.chunk.as_slice())
    }

    /// Puts the chunk of `frame` into `out`, in place of what was there; `out` grows to `raw_len` at most.
    ///
    /// The checksum within the frame is checked, the chunk's hash is not.
    ///
    /// # Errors
    /// When `frame` is not exactly one intact frame that states `raw_len` as its content's size, needs a
    /// dictionary, or asks for a window above [`MAX_WINDOW`]. `out` is then empty.
    pub fn decode_into(&mut self, frame: &[u8], raw_len: u32, out: &mut Vec<u8>) -> Result<(), FrameError> {
        out.clear();
        check(frame, raw_len)?;
        out.reserve(raw_len as usize);
        let decoded = self.context.decompress(out, frame).map_err(|code| {
            out.clear();
            FrameError::Corrupt(get_error_name(code))
        })?;
        if decoded != raw_len as usize {
            out.clear();
            return Err(FrameError::Size { stated: Some(decoded as u64), expected: raw_len });
        }
        Ok(())
    }
}

/// Checks all that can be known of a frame without decompressing it.
pub(crate) fn check(frame: &[u8], raw_len: u32) -> Result<FrameHeader, FrameError> {
    if raw_len == 0 || raw_len > MAX_CHUNK {
        return Err(FrameError::ChunkLength(raw_len as usize));
    }
    let Inspected::Frame(header) = inspect(frame) else { return Err(FrameError::NotAFrame) };
    if header.content_size != Some(u64::from(raw_len)) {
        return Err(FrameError::Size { stated: header.content_size, expected: raw_len });
    }
    if header.window > MAX_WINDOW {
        return Err(FrameError::Window(header.window));
    }
    if let Some(id) = header.dictionary {
        return Err(FrameError::Dictionary(id));
    }
    match find_frame_compressed_size(frame) {
        Ok(length) if length == frame.len() => Ok(header),
        Ok(length) => Err(FrameError::Length { frame: length, given: frame.len() }),
        Err(code) => Err(FrameError::Corrupt(get_error_name(code))),
    }
}
