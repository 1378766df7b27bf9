//! Why nothing, or nothing more, could be restored.

use snowbank_nix::store_path::StoreDir;

use super::writer::WriterError;

/// Why nothing, or nothing more, could be restored. What is registered is complete all the same.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot is of a store in another directory.
    #[error("the snapshot is of a store at {found}, and this one is at {here}")]
    OtherStore {
        /// The directory of the snapshot.
        found: StoreDir,
        /// The directory of the store.
        here: StoreDir,
    },
    /// The references of the snapshot make no closure.
    #[error("the snapshot's references make no closure")]
    Closure(#[from] snowbank_nix::closure::ClosureError),
    /// Not enough room for what is missing.
    #[error(
        "{needed} bytes are to be restored and {min_free} are to stay free, but only {free} are: make room, restore less \
         with `--for`, or allow less with `--min-free`"
    )]
    Room {
        /// Bytes of what is missing.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        min_free: u64,
    },
    /// How much room there is cannot be found out.
    #[error("cannot find out how much room there is at {path}")]
    Free {
        /// Where.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// The store cannot be written to.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// A thread of the restore came to an unexpected end.
    #[error("a part of the restore came to an unexpected end")]
    Lost,
}
