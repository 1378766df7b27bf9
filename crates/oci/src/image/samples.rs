//! Images for tests.

use std::collections::BTreeMap;

use snowbank_nix::hash::NarHash;

use super::plan::{FileLayer, ImagePlan, LayerContent, PlannedLayer, StoredBlob};
use crate::compression::Compression;
use crate::config::{History, ImageConfig, Timestamp};
use crate::descriptor::Platform;
use crate::digest::Digest;
use crate::layer::{LayerPath, LayerSpec, PathOptions};
use crate::record::LayerRecord;

/// A layer of store paths of these names, with NAR hashes.
pub(super) fn spec(names: &[&str]) -> LayerSpec {
    let path = |name: &&str| LayerPath {
        path: format!("h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-{name}").parse().unwrap(),
        nar_hash: Some(NarHash::of(name.as_bytes())),
        options: PathOptions::default(),
        part: None,
    };
    LayerSpec { paths: names.iter().map(path).collect() }
}

/// An image of a stored gzip layer below two layers of paths.
pub(super) fn plan() -> ImagePlan {
    let paths = |name: &str| PlannedLayer {
        name: name.to_owned(),
        content: LayerContent::Paths(spec(&[name])),
        diff_id: Some(Digest::of(name.as_bytes())),
        stored: None,
        history: History::default(),
    };
    let base = PlannedLayer {
        name: "base".to_owned(),
        content: LayerContent::File(FileLayer {
            path: "xv2iccirbrvklck36f1g7vldn5v58vck-base".parse().unwrap(),
            inside: "layer".into(),
            media_type: Compression::Gzip.media_type().to_owned(),
        }),
        diff_id: Some(Digest::of(b"base")),
        stored: Some(StoredBlob {
            digest: Digest::of(b"base gzip"),
            size: Some(9),
            compression: Compression::Gzip,
        }),
        history: History::default(),
    };
    ImagePlan {
        config: ImageConfig::default(),
        layers: vec![base, paths("a"), paths("b")],
        platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
        created: Some(Timestamp::of_store()),
        annotations: BTreeMap::from([("note".to_owned(), "x".to_owned())]),
    }
}

/// What the layers of [`plan`] came to.
pub(super) fn records() -> Vec<LayerRecord> {
    let record = |name: &str, compression: Compression| {
        let blob = format!("{name} {compression}");
        LayerRecord {
            diff_id: Digest::of(name.as_bytes()),
            diff_size: None,
            digest: Digest::of(blob.as_bytes()),
            size: blob.len() as u64,
            compression,
        }
    };
    vec![record("base", Compression::Gzip), record("a", Compression::Zstd), record("b", Compression::Zstd)]
}
