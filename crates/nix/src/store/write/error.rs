//! Why a store cannot be written to.

use std::{io, path::PathBuf};

use crate::{derivation::DerivationError, store::StoreError, store_path::StorePath};

/// Why a store cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its database cannot be read, or must not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the store's own, or what a path left behind, cannot be dealt with.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The garbage collector runs and does not take note of what must stay.
    #[error("the garbage collector runs and cannot be told what must stay, at {}", .0.display())]
    Collector(PathBuf),
    /// The database cannot be written.
    #[error("cannot write the Nix database")]
    Database(#[source] rusqlite::Error),
    /// A reference to a path that is neither valid nor registered with it.
    #[error("{path} refers to {reference}, which is not in the store")]
    Missing {
        /// What refers.
        path: StorePath,
        /// What is not there.
        reference: StorePath,
    },
    /// The info of another path than the one that was claimed.
    #[error("{0} was not claimed")]
    Claim(StorePath),
    /// A path that does not follow from the content address that it claims to have.
    #[error("{0} does not follow from its content address")]
    ContentAddress(StorePath),
    /// A derivation that is none.
    #[error("cannot read the derivation {path}")]
    Derivation {
        /// The derivation.
        path: StorePath,
        /// Why.
        #[source]
        error: DerivationError,
    },
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes an error of what the system says.
pub(super) fn file<E: Into<io::Error>>(
    what: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(E) -> WriteError {
    let path = path.to_owned();
    move |error| WriteError::File { what, path, error: error.into() }
}
