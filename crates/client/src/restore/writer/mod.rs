//! Who writes paths into a store: a seam, for not everybody who restores may write to the store himself.

mod daemon;
pub mod helper;
mod limit;
mod root;
pub(super) mod unpack;

use std::collections::BTreeSet;
use std::error::Error;

pub use daemon::{DaemonSink, DaemonWriter};
pub use helper::{HelperError, HelperSink, HelperWriter};
pub use root::{RootSink, RootWriter};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::StorePath;

/// The store cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to the store")]
pub struct WriterError(#[source] pub Box<dyn Error + Send + Sync>);

/// Bytes of a NAR could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// They are no NAR.
    #[error("what was saved is no archive")]
    Content(#[source] Box<dyn Error + Send + Sync>),
    /// This path cannot be written; others may be.
    #[error("the store does not take it")]
    Path(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing more can be written.
    #[error("the store takes nothing more")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// What became of an attempt to claim paths.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Those that are now ours to write.
    pub claimed: BTreeSet<StorePath>,
    /// Those that somebody else is making.
    pub busy: BTreeSet<StorePath>,
    /// Those that turned out to be valid.
    pub valid: BTreeSet<StorePath>,
}

/// Writes whole paths into a store. A path is claimed, its NAR is written to a sink, and it is committed with others.
/// All methods may wait, so they are for threads that may. Dropped, it removes what was not committed, and lets go of
/// what it kept.
pub trait Writer: Send + Sync + 'static {
    /// Where the bytes of one NAR go.
    type Sink: NarSink;

    /// Keeps `paths` from the garbage collector until the writer is dropped, whether they are there or not; then says
    /// which of them are valid.
    ///
    /// # Errors
    /// When they cannot be kept or asked after.
    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError>;

    /// How many of `wanted` paths may be claimed and not committed at a time; at least 1.
    fn at_once(&self, wanted: usize) -> usize;

    /// Whether paths are better written behind what they refer to than as they lie in packs.
    fn references_first(&self) -> bool {
        false
    }

    /// Claims those of `paths` that are neither valid nor somebody else's just now. Waits for nobody.
    ///
    /// # Errors
    /// When the store cannot be written to.
    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError>;

    /// Begins to write a path that was claimed.
    ///
    /// # Errors
    /// When it was not.
    fn begin(&self, info: &PathInfo) -> Result<Self::Sink, WriterError>;

    /// Makes paths valid whose sinks are finished, and whose references are valid or among those before. All that
    /// belongs to them is given up, also of those that are refused: those come back, each with the reason.
    ///
    /// # Errors
    /// When nothing can be made valid any more.
    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError>;

    /// Gives a path up that is claimed or finished; nothing of it stays.
    fn discard(&self, path: &StorePath);

    /// Registers those of `realisations` that the store lacks and has a place for.
    ///
    /// # Errors
    /// When the store cannot be written to.
    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError>;
}

/// Where the bytes of one NAR go. Dropped before it is finished, it removes what it made.
pub trait NarSink: Send + 'static {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are not of a NAR, or cannot be written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError>;

    /// Ends the NAR, which must be complete; the writer holds the path until it is committed or discarded.
    ///
    /// # Errors
    /// When it is not complete, or cannot be written.
    fn finish(self) -> Result<(), SinkError>;
}
