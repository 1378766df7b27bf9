//! A small image, and skopeo to look at it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use bytes::Bytes;
use snowbank_testkit::tools;

use crate::compression::Compression;
use crate::config::{ConfigFile, History, ImageConfig, Timestamp};
use crate::descriptor::{Descriptor, Platform, media_type};
use crate::destination::{Destination, Manifest};
use crate::digest::Digest;
use crate::manifest::ImageManifest;
use crate::spool::tests::Bytes3;

/// An image of layers that are tars, each with a file of a name and content.
pub(crate) struct Sample {
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) config: Bytes,
    pub(crate) manifest: Manifest,
}

pub(crate) fn describe(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        annotations: BTreeMap::new(),
        platform: None,
        artifact_type: None,
    }
}

impl Sample {
    /// An image with a layer for each content.
    pub(crate) fn of(contents: &[&[u8]]) -> Self {
        let layers: Vec<_> = contents.iter().map(|content| layer(content)).collect();
        let config = ConfigFile {
            created: Some(Timestamp::of_store()),
            author: String::new(),
            platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
            config: ImageConfig { cmd: vec!["/file".to_owned()], ..ImageConfig::default() },
            diff_ids: layers.iter().map(|layer| Digest::of(layer)).collect(),
            history: layers
                .iter()
                .map(|_| History { created_by: "a test".to_owned(), ..History::default() })
                .collect(),
        };
        let config = config.to_bytes().unwrap();
        let manifest = ImageManifest {
            media_type: media_type::MANIFEST.to_owned(),
            artifact_type: None,
            config: describe(media_type::CONFIG, &config),
            layers: layers.iter().map(|layer| describe(Compression::None.media_type(), layer)).collect(),
            subject: None,
            annotations: BTreeMap::new(),
        };
        Self { layers, config, manifest: manifest.to_manifest().unwrap() }
    }

    /// Puts its blobs.
    pub(crate) async fn put_blobs(&self, destination: &dyn Destination) {
        for bytes in self.layers.iter().map(Vec::as_slice).chain([&self.config[..]]) {
            let put = destination.put(&Bytes3(bytes.to_vec())).await.unwrap();
            assert_eq!(put, (Digest::of(bytes), bytes.len() as u64));
        }
    }
}

fn layer(content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o444);
    tar.append_data(&mut header, "file", content).unwrap();
    tar.into_inner().unwrap()
}

/// Runs skopeo.
pub(crate) fn skopeo(arguments: &[&str], home: &Path) -> Output {
    let output = tools::command("skopeo")
        .arg("--insecure-policy")
        .args(arguments)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home)
        .env("TMPDIR", home)
        .output()
        .unwrap();
    assert!(output.status.success(), "skopeo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Checks that a folder that skopeo wrote holds the sample's blobs.
pub(crate) fn check_dir(folder: &Path, sample: &Sample) {
    for bytes in sample.layers.iter().map(Vec::as_slice).chain([&sample.config[..]]) {
        assert_eq!(std::fs::read(folder.join(Digest::of(bytes).hex())).unwrap(), bytes);
    }
}
