//! Assemble: a recipe back into a stream, either the row of frames as stored or the chunks.

mod chunks;
mod frames;
mod pages;
mod rows;
mod runs;

pub use chunks::{chunks, unchecked};
pub use frames::frames;
pub(crate) use pages::page_stream;
pub use pages::{Measure, PageSource};
pub use rows::rows;
pub(crate) use runs::{Run, runs, spans};

use crate::bucket::BucketError;
use crate::frame::FrameError;
use crate::id::{ChunkHash, PackId};
use crate::index::IndexError;
use crate::recipe::FrameRef;

/// A recipe could not be made a stream again.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The recipe's pages could not be had.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The recipe does not reach so far.
    #[error("the recipe has no page with byte {0}")]
    NoPage(u64),
    /// A stored frame is not what it was.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// A stored frame that is not what it was.
#[derive(Debug, thiserror::Error)]
#[error("frame at byte {offset} of pack {pack} (chunk {chunk}) is damaged")]
pub struct Damage {
    /// The pack that holds it.
    pub pack: PackId,
    /// Where it begins in the pack, in bytes.
    pub offset: u32,
    /// The chunk that it should hold.
    pub chunk: ChunkHash,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Its bytes have another hash.
    #[error("the frame's hash differs")]
    FrameHash,
    /// It holds another chunk.
    #[error("the chunk's hash differs")]
    ChunkHash,
    /// It cannot be decompressed.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Damage {
    pub(crate) const fn of(frame: &FrameRef, fault: Fault) -> Self {
        Self { pack: frame.pack, offset: frame.offset, chunk: frame.chunk, fault }
    }
}
