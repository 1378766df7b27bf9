//! Whether a frame that somebody else made may be kept as it is.

use crate::frame::{self, Decoder, FrameError};
use crate::id::{ChunkHash, FrameHash};
use crate::pack::PackEntry;

/// Why a foreign frame is not kept as it is; its chunk, if it can be had, is encoded again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// Its length is not the stated one.
    #[error("the frame has {given} bytes instead of {stated}")]
    StoredLength {
        /// Bytes by the footer.
        stated: u32,
        /// Bytes there are.
        given: usize,
    },
    /// More bytes than an honest encoder makes of such a chunk.
    #[error("the frame has {stored} bytes for a chunk of {raw}")]
    Bloated {
        /// Bytes of the frame.
        stored: u32,
        /// Bytes of the chunk.
        raw: u32,
    },
    /// Its bytes do not have the stated hash.
    #[error("the frame's hash is {0}, not the stated one")]
    FrameHash(FrameHash),
    /// Plain decompression would not notice damage.
    #[error("the frame has no checksum")]
    NoChecksum,
    /// It is not one well-formed frame of the stated size.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Its chunk does not have the stated hash.
    #[error("the chunk's hash is {0}, not the stated one")]
    ChunkHash(ChunkHash),
}

/// Checks that `frame` is what `entry` says, and such as our own encoder might have made it: one frame, one
/// chunk, stated size, checksum, bounded window, no dictionary, no bloat, both hashes right.
///
/// # Errors
/// The first thing that is not so.
pub fn check_frame(entry: &PackEntry, frame: &[u8], decoder: &mut Decoder) -> Result<(), AdoptError> {
    if frame.len() != entry.stored_len as usize {
        return Err(AdoptError::StoredLength { stated: entry.stored_len, given: frame.len() });
    }
    if entry.stored_len > frame::bound(entry.raw_len) {
        return Err(AdoptError::Bloated { stored: entry.stored_len, raw: entry.raw_len });
    }
    let hash = FrameHash::of(frame);
    if hash != entry.frame {
        return Err(AdoptError::FrameHash(hash));
    }
    if !frame::check(frame, entry.raw_len)?.checksum {
        return Err(AdoptError::NoChecksum);
    }
    let hash = ChunkHash::of(decoder.decode(frame, entry.raw_len)?);
    if hash != entry.chunk {
        return Err(AdoptError::ChunkHash(hash));
    }
    Ok(())
}
