//! Why something is no manifest.

use super::{MOST_BYTES, MOST_ENTRIES};
use crate::json::read::JsonError;

/// Why bytes are not the manifest that they should be, or why one cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not what it should be.
    #[error("the manifest cannot be read")]
    Json(#[from] JsonError),
    /// A media type that is not known.
    #[error("a manifest of the type {0:?} is not known; there are images and indexes, of OCI and of Docker")]
    Kind(String),
    /// Another schema.
    #[error("the manifest is of schema {0}; registries have had schema 2 since 2016")]
    Schema(u32),
    /// The bytes say another media type.
    #[error("the manifest is said to be of the type {said:?}, and says of itself that it is {inside:?}")]
    Differs {
        /// What was said of it.
        said: String,
        /// What it says.
        inside: String,
    },
    /// It could be an image and an index.
    #[error("the manifest could be an image's and an index: it must have either layers or manifests")]
    Ambiguous,
    /// More entries than anything runs.
    #[error("the manifest names {0} layers or manifests and may name {MOST_ENTRIES}")]
    Entries(usize),
    /// More bytes than registries take.
    #[error(
        "the manifest would have {0} bytes, and registries take {MOST_BYTES}; fewer layers make it smaller"
    )]
    Bytes(usize),
    /// It cannot be written.
    #[error("the manifest cannot be written")]
    Write(#[source] serde_json::Error),
}
