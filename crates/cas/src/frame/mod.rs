//! Frames: each is one chunk, compressed for itself.
//!
//! A row of frames is a valid zstd stream, so a recipe is served as it lies.

mod decoder;
mod encoder;
mod error;

pub use decoder::Decoder;
pub(crate) use decoder::check;
pub use encoder::Encoder;
pub use error::FrameError;

/// Bytes of the largest window that a frame may ask for: what every zstd decoder grants by default.
pub const MAX_WINDOW: u64 = 8 << 20;

/// The most bytes that the frame of a chunk of `raw_len` bytes may take. An honest encoder stays below it even
/// on random bytes: it adds 3 bytes to every 128 KiB, and header and checksum.
#[must_use]
pub const fn bound(raw_len: u32) -> u32 {
    raw_len.saturating_add(raw_len >> 8).saturating_add(64)
}
