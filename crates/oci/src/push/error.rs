//! Why an image was not pushed.

use snowbank_nix::store_path::StorePath;

use crate::destination::{BlobError, DestinationError};
use crate::image::AssembleError;
use crate::manifest::ManifestError;

/// Why an image was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The destination did not do what it was asked for.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The image cannot be put together.
    #[error(transparent)]
    Image(#[from] AssembleError),
    /// The images cannot be put under one tag.
    #[error("the images cannot be put into one index")]
    Index(#[from] ManifestError),
    /// A layer cannot be made.
    #[error("cannot make the layer {name}")]
    Layer {
        /// What it is called.
        name: String,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// Layers have to be sent, and paths of them are nowhere.
    #[error("{} of the layers to be sent are not there: {}", .0.len(), shown(.0))]
    Missing(Vec<StorePath>),
    /// The destination takes no such layers.
    #[error("{name} takes no layers under {compression}")]
    Compression {
        /// Where it was to go.
        name: String,
        /// What was asked for.
        compression: crate::compression::Compression,
    },
    /// Blobs vanish as fast as they are sent.
    #[error("{0} loses blobs while they are pushed")]
    Vanishing(String),
}

/// Names at most.
const SHOWN: usize = 5;

fn shown(paths: &[StorePath]) -> String {
    let mut names: Vec<&str> = paths.iter().take(SHOWN).map(StorePath::base_name).collect();
    if paths.len() > SHOWN {
        names.push("and more");
    }
    names.join(", ")
}
