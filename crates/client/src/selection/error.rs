//! Why it cannot be told what to save.

use std::io;
use std::path::PathBuf;

use snowbank_nix::store::StoreError;

/// Why it cannot be told what to save.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The store cannot be read.
    #[error("cannot read the Nix store")]
    Store(#[from] StoreError),
    /// Something that was named is not there.
    #[error("{} is not in the store {}", .path.display(), .store.display())]
    Unknown {
        /// What was named.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// A pattern that is none.
    #[error("the pattern {0:?} is empty or longer than 256 bytes")]
    Pattern(String),
    /// The lock file cannot be read.
    #[error("cannot read {}", .path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The lock file is none.
    #[error("{} is no flake.lock that can be read: {why}", .path.display())]
    NoLockFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}
