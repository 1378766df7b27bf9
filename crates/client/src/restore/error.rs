//! Why a snapshot could not be restored.

use std::path::PathBuf;

use snowbank_actions::client::ClientError;
use snowbank_nix::store::{StoreError, WriteError};

/// Why a snapshot could not be restored; what was registered until then is complete and stays.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store cannot be read.
    #[error("cannot read the Nix store")]
    Store(#[from] StoreError),
    /// The store cannot be written.
    #[error("cannot write to the Nix store")]
    Write(#[from] WriteError),
    /// The service failed as a whole.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Not enough room.
    #[error("the snapshot needs {bytes} bytes in {}, where {free} are free and {min_free} are to stay free", .store.display())]
    Room {
        /// The store.
        store: PathBuf,
        /// Bytes that are missing.
        bytes: u64,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        min_free: u64,
    },
    /// A thread of the restore came to an unexpected end.
    #[error("a part of the restore came to an unexpected end")]
    Lost,
}
