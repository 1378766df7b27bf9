//! The JSON's objects as they are written.

use serde::Deserialize;

use crate::config::{History, ImageConfig, Timestamp};
use crate::digest::Digest;
use crate::json::fields::{Fields, nullable};
use crate::layer::{Perm, Rewrite};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawImage {
    #[serde(default)]
    pub(super) version: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    pub(super) image_config: Fields<ImageConfig>,
    #[serde(deserialize_with = "nullable")]
    pub(super) layers: Vec<Fields<RawLayer>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) arch: String,
    #[serde(default)]
    pub(super) created: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct RawLayer {
    pub(super) digest: Digest,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) size: u64,
    /// One in spite of its name.
    pub(super) diff_ids: Digest,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) paths: Vec<Fields<RawPath>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mediatype: String,
    #[serde(default, rename = "layer-path")]
    pub(super) layer_path: Option<String>,
    #[serde(default, rename = "History", deserialize_with = "nullable")]
    pub(super) history: Fields<History>,
}

#[derive(Deserialize)]
pub(super) struct RawPath {
    pub(super) path: String,
    /// Boxed: most paths of many have none.
    #[serde(default)]
    pub(super) options: Option<Box<Fields<RawOptions>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawOptions {
    #[serde(deserialize_with = "nullable")]
    pub(super) rewrite: Fields<Rewrite>,
    #[serde(deserialize_with = "nullable")]
    pub(super) perms: Vec<Fields<Perm>>,
    #[serde(rename = "ignoreDestination", deserialize_with = "nullable")]
    pub(super) ignore_destination: String,
}
