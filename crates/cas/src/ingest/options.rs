//! What an ingest is to do, and what it did.

use crate::bucket::BucketError;
use crate::chunker::{CutError, Params};
use crate::frame::FrameError;
use crate::id::ObjectHash;
use crate::index::IndexError;
use crate::pack::{PackError, TARGET};

/// What the source holds and what of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Any bytes; they are cut as they are.
    Plain,
    /// A tar under zstd, as one or several frames; the tar is cut, at its files' boundaries.
    ZstdTar,
}

/// How to ingest.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to cut.
    pub params: Params,
    /// The zstd level of new frames.
    pub level: i32,
    /// Bytes of frames in a full pack.
    pub pack_size: u64,
    /// What a compressed source may unfold to.
    pub guards: Guards,
}

impl Default for Options {
    fn default() -> Self {
        Self { params: Params::default(), level: 1, pack_size: TARGET, guards: Guards::default() }
    }
}

/// What a compressed source may unfold to; beyond it the source is a bomb, or at least not worth recoding.
#[derive(Clone, Copy, Debug)]
pub struct Guards {
    /// How many bytes each byte of the source may become ...
    pub ratio: u64,
    /// ... beside these, which are always allowed.
    pub allowance: u64,
    /// Bytes in all.
    pub raw_size: u64,
    /// Bytes of the largest window, all of which may come to be in memory.
    pub window: u64,
}

impl Default for Guards {
    /// 200 times the source and 64 MiB, a tebibyte, a window of 8 MiB: what zstd's levels up to 19 ask for.
    fn default() -> Self {
        Self { ratio: 200, allowance: 64 << 20, raw_size: 1 << 40, window: 8 << 20 }
    }
}

/// What an ingest did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Bytes of the stream that was cut, uncompressed.
    pub raw_size: u64,
    /// Bytes of the recipe's row of frames.
    pub stored_size: u64,
    /// Frames of the recipe.
    pub frames: u64,
    /// Frames that were not stored before.
    pub new_frames: u64,
    /// Bytes of those frames.
    pub new_stored_bytes: u64,
    /// The row of frames' identity: BLAKE3 over each frame's hash and stored length (`u32`, little-endian).
    pub etag: ObjectHash,
    /// The stream's identity: BLAKE3 over each chunk's hash and length (`u32`, little-endian).
    pub chunk_tally: ObjectHash,
}

/// An ingest did not come to its end. Objects of packs that were begun may be in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The source unfolds to something else than a tar; it may still be ingested as [`Plan::Plain`].
    #[error("the archive is not a tar that can be cut")]
    NotATar(#[source] CutError),
    /// The source is refused as a compressed archive; it may still be ingested as [`Plan::Plain`].
    #[error("the archive is not recoded")]
    Guard(#[from] GuardError),
    /// The source could not be read.
    #[error("the source broke off")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller's reader did not accept the source.
    #[error("the source was refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bucket failed.
    #[error("the bucket failed")]
    Bucket(#[from] BucketError),
    /// The index failed.
    #[error("the index failed")]
    Index(#[from] IndexError),
    /// A chunk could not be compressed.
    #[error("compressing failed")]
    Frame(#[from] FrameError),
    /// A pack could not be made.
    #[error("making a pack failed")]
    Pack(#[from] PackError),
}

/// Why a compressed source is not recoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// It does not begin with a zstd frame, or something else follows one.
    #[error("byte {0} begins something that is not a zstd frame")]
    NotZstd(u64),
    /// It needs a dictionary.
    #[error("it needs a dictionary")]
    Dictionary,
    /// It asks for too large a window.
    #[error("it asks for a window of {0} bytes")]
    Window(u64),
    /// It is damaged.
    #[error("it cannot be decompressed: {0}")]
    Damaged(&'static str),
    /// It ends within a frame.
    #[error("it ends within a frame")]
    CutOff,
    /// It unfolds to more than its share.
    #[error("{compressed} bytes of it unfold to {raw} or more")]
    Ratio {
        /// Bytes of the source so far.
        compressed: u64,
        /// Bytes that it became.
        raw: u64,
    },
    /// It unfolds to too much in all.
    #[error("it unfolds to more than {0} bytes")]
    RawSize(u64),
}
