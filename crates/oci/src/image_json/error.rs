//! Why something is no image JSON.

use std::path::PathBuf;

use snowbank_nix::store_path::{StoreDir, StorePathError};

use super::{MOST_LAYERS, MOST_PATHS};
use crate::json::read::JsonError;

/// Why bytes are not the JSON of an image that nix2container built. Layers and paths are counted from 0, as in the JSON.
#[derive(Debug, thiserror::Error)]
pub enum ImageJsonError {
    /// It is not what it should be.
    #[error("the image JSON cannot be read; it should be what nix2container's buildImage makes")]
    Json(#[from] JsonError),
    /// A newer version.
    #[error(
        "the image JSON is of version {0}, and only version 1 is known; a newer release of snowbank may know it"
    )]
    Version(i64),
    /// More layers than anything runs.
    #[error("the image JSON has {0} layers and may have {MOST_LAYERS}")]
    Layers(usize),
    /// More paths than fit into memory.
    #[error("the image JSON names {0} store paths and may name {MOST_PATHS}")]
    Paths(usize),
    /// A path that is not in the store.
    #[error("layers[{layer}].paths[{path}] of the image JSON, {text:?}, is not a store path in {dir}")]
    Path {
        /// Which layer.
        layer: usize,
        /// Which of its paths.
        path: usize,
        /// What is there.
        text: String,
        /// The store directory.
        dir: StoreDir,
        /// Why it is none.
        #[source]
        source: StorePathError,
    },
    /// A file that is told by a relative path.
    #[error("layers[{layer}].layer-path of the image JSON, {file:?}, is not an absolute path")]
    File {
        /// Which layer.
        layer: usize,
        /// What is there.
        file: PathBuf,
    },
    /// A layer made of paths that is said to be compressed.
    #[error(
        "layers[{0}] of the image JSON is made of store paths, so it must be a plain tar with equal digest and diff_ids"
    )]
    Compressed(usize),
}
