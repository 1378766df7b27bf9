//! Why a list was not attached.

use super::Format;
use crate::destination::DestinationError;
use crate::manifest::ManifestError;

/// Why a list of what is in an image was not made or not attached.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// The destination did not do what it was asked for.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// It would be too large.
    #[error("the {format} document would have more than {} MiB", .most >> 20)]
    TooLarge {
        /// In which format.
        format: Format,
        /// Bytes that it may have.
        most: usize,
    },
    /// It cannot be written.
    #[error("the {format} document cannot be written")]
    Write {
        /// In which format.
        format: Format,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It cannot be described.
    #[error("the SBOM cannot be described in a manifest")]
    Manifest(#[from] ManifestError),
    /// Its thread ended.
    #[error("the SBOM was not written to its end")]
    Stopped(#[from] tokio::task::JoinError),
}
