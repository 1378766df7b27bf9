//! Images for tests.

use std::collections::BTreeMap;

use snowbank_nix::store_path::StorePath;

use super::{LayerView, Viewed};
use crate::compression::Compression;
use crate::config::{ConfigFile, History, ImageConfig};
use crate::descriptor::{Platform, media_type};
use crate::digest::Digest;
use crate::manifest::ImageManifest;
use crate::samples::describe;

/// A path of that name, whose hash is told by a letter.
pub(super) fn path(letter: char, name: &str) -> StorePath {
    format!("{}-{name}", letter.to_string().repeat(32)).parse().unwrap()
}

fn platform() -> Platform {
    Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None }
}

/// A manifest with so many layers, which differ.
pub(super) fn image(layers: u8) -> ImageManifest {
    ImageManifest {
        media_type: media_type::MANIFEST.to_owned(),
        artifact_type: None,
        config: describe(media_type::CONFIG, b"config"),
        layers: (0..layers).map(|at| describe(media_type::LAYER, &[at])).collect(),
        subject: None,
        annotations: BTreeMap::new(),
    }
}

/// A config for it.
pub(super) fn config(layers: u8) -> ConfigFile {
    ConfigFile {
        created: None,
        author: String::new(),
        platform: platform(),
        config: ImageConfig::default(),
        diff_ids: (0..layers).map(|at| Digest::of(&[at])).collect(),
        history: (0..layers).map(|_| History::default()).collect(),
    }
}

/// An image of layers: the name of each, its bytes and its paths.
pub(super) fn viewed(name: &str, layers: &[(&str, u64, Option<&[StorePath]>)]) -> Viewed {
    let view = |(at, &(name, size, paths)): (usize, &(&str, u64, Option<&[StorePath]>))| LayerView {
        number: at + 1,
        name: name.to_owned(),
        digest: Digest::of(name.as_bytes()),
        size,
        compression: Some(Compression::Zstd),
        diff_id: Digest::of(name.as_bytes()),
        paths: paths.map(<[StorePath]>::to_vec),
    };
    Viewed {
        name: name.to_owned(),
        digest: Digest::of(name.as_bytes()),
        platform: platform(),
        size: layers.iter().map(|layer| layer.1).sum(),
        layers: layers.iter().enumerate().map(view).collect(),
    }
}
