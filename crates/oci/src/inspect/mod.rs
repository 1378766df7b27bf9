//! Looking at images that are pushed: what is in which layer, who else has it, and what is between two of them.

mod difference;
mod error;
mod layers;
mod read;
#[cfg(test)]
mod samples;
mod shared;

use serde::{Serialize, Serializer};
use snowbank_nix::store_path::StorePath;

pub use difference::{Blob, Difference, PathChanges, Update, diff};
pub use error::InspectError;
pub use read::view;
pub use shared::shared;

use crate::compression::Compression;
use crate::descriptor::Platform;
use crate::digest::Digest;

/// An image as it was found. All of it is the word of whoever pushed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Viewed {
    /// Where it was found: `ghcr.io/owner/image:tag`.
    pub name: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// What runs it.
    pub platform: Platform,
    /// Bytes of its layers as they are stored; of layers that are there twice, once.
    pub size: u64,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerView>,
}

/// A layer as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerView {
    /// Its place: 1 for the lowest.
    pub number: usize,
    /// What people call it: the name that was pushed with it, else its store paths, else what made it. Plain text, never empty.
    pub name: String,
    /// The digest of its blob.
    pub digest: Digest,
    /// Bytes of its blob.
    pub size: u64,
    /// How it is compressed; nothing for media types that are not known.
    pub compression: Option<Compression>,
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The store paths in it, each once, in order; nothing where no one said which.
    #[serde(serialize_with = "base_names")]
    pub paths: Option<Vec<StorePath>>,
}

fn base_names<S: Serializer>(paths: &Option<Vec<StorePath>>, serializer: S) -> Result<S::Ok, S::Error> {
    paths
        .as_ref()
        .map(|paths| paths.iter().map(StorePath::base_name).collect::<Vec<_>>())
        .serialize(serializer)
}
