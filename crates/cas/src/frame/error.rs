//! What can be wrong with a frame.

use super::MAX_WINDOW;

/// What can be wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No zstd frame at all, or a skippable one.
    #[error("the bytes are not a zstd frame")]
    NotAFrame,
    /// The header states no content size, or another one than the chunk's.
    #[error("the frame states a content of {stated:?} bytes instead of {expected}")]
    Size {
        /// Bytes by the header.
        stated: Option<u64>,
        /// Bytes of the chunk.
        expected: u32,
    },
    /// A window larger than [`MAX_WINDOW`].
    #[error("the frame asks for a window of {0} bytes, more than {MAX_WINDOW}")]
    Window(u64),
    /// A chunk depends on nothing else.
    #[error("the frame needs dictionary {0}")]
    Dictionary(u32),
    /// More or less than one frame.
    #[error("the frame takes {frame} of the {given} bytes")]
    Length {
        /// Bytes of the frame.
        frame: usize,
        /// Bytes there are.
        given: usize,
    },
    /// Its blocks or its checksum are damaged.
    #[error("decompress the frame: {0}")]
    Corrupt(&'static str),
    /// A chunk was empty or larger than [`crate::chunker::MAX_CHUNK`].
    #[error("a chunk of {0} bytes has no frame")]
    ChunkLength(usize),
    /// The compressor itself failed.
    #[error("compress a chunk: {0}")]
    Encode(&'static str),
}
