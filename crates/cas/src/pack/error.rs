//! What can be wrong with a pack.

use super::{FORMAT_VERSION, MAX_FRAMES, MAX_OBJECT};

/// What can be wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The object does not end as packs do.
    #[error("the object is not a pack")]
    NotAPack,
    /// A layout that this program does not know.
    #[error("the pack's format is version {0}, not {FORMAT_VERSION}")]
    Version(u32),
    /// The object is larger than any pack.
    #[error("an object of {0} bytes is larger than a pack may be ({MAX_OBJECT})")]
    TooLarge(u64),
    /// The footer lists no frames, or too many.
    #[error("the pack's footer lists {0} frames; 1 to {MAX_FRAMES} are accepted")]
    Count(u32),
    /// Fewer or more bytes were given than the footer has.
    #[error("the pack's footer has {footer} bytes, not {given}")]
    Length {
        /// Bytes of the footer by its trailer.
        footer: u64,
        /// Bytes there are.
        given: u64,
    },
    /// The footer is not a skippable frame of its own length.
    #[error("the pack's footer is not framed as one")]
    Framing,
    /// The footer's bytes do not match its checksum.
    #[error("the pack's footer does not match its checksum")]
    Checksum,
    /// A frame or chunk is empty or too long.
    #[error("frame {index} of the pack has {stored_len} bytes for a chunk of {raw_len}")]
    Entry {
        /// The frame's place in the pack.
        index: usize,
        /// Bytes of its chunk.
        raw_len: u32,
        /// Bytes of the frame.
        stored_len: u32,
    },
    /// Frames and footer do not add up to the object.
    #[error("frames and footer of the pack add up to {sum} bytes, the object has {object}")]
    Sum {
        /// Bytes of all frames and the footer.
        sum: u64,
        /// Bytes of the object.
        object: u64,
    },
    /// The pack under way has no room for this frame.
    #[error("the pack is full")]
    Full,
}
