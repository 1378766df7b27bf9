//! Packs: immutable objects of many frames and, in their footer, the index of them.
//!
//! A pack is a row of zstd frames and then its footer within a zstd skippable frame, so a whole pack is a valid
//! zstd stream. `docs/architecture.md` has the layout.

mod builder;
mod error;
mod footer;

pub use builder::PackBuilder;
pub use error::PackError;
pub use footer::{Footer, object_size, record_len, trailer_len};

use crate::id::{ChunkHash, FrameHash};

/// Frames that a pack holds at most.
pub const MAX_FRAMES: usize = 4096;

/// Bytes of frames that a pack is filled with, unless told otherwise.
pub const TARGET: u64 = 64 << 20;

/// Bytes of the largest pack that is accepted, footer included.
pub const MAX_OBJECT: u64 = 256 << 20;

/// The version of the footer's layout.
pub const FORMAT_VERSION: u32 = 1;

/// What the last bytes of every pack are.
pub const MAGIC: [u8; 8] = *b"SNOWPACK";

/// A frame of a pack, as its footer has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackEntry {
    /// The chunk that the frame decompresses to.
    pub chunk: ChunkHash,
    /// The frame's bytes.
    pub frame: FrameHash,
    /// Bytes of the chunk.
    pub raw_len: u32,
    /// Bytes of the frame.
    pub stored_len: u32,
}
