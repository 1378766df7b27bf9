//! Why an image's paths cannot be had.

use snowbank_nix::closure::ClosureError;
use snowbank_nix::store::StoreError;
use snowbank_nix::store_path::StorePath;

use crate::pull::{PullError, named};
use crate::series::{FindError, Key};

/// Why an image's paths cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The cache does not give them.
    #[error(transparent)]
    Cache(#[from] PullError),
    /// The snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] FindError),
    /// There is no snapshot.
    #[error("there is no snapshot of {0} that can be seen from here")]
    NoSnapshot(Key),
    /// Paths that are nowhere.
    #[error("{} cannot be found", named(.0))]
    Absent(Vec<StorePath>),
    /// The references make no closure.
    #[error("the references of the paths make no closure")]
    Closure(#[from] ClosureError),
    /// The local store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread came to an unexpected end.
    #[error("a thread that read the store came to an unexpected end")]
    Lost,
}
