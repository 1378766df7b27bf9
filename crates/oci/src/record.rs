//! What is known of a layer once it was made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::compression::Compression;
use crate::digest::Digest;
use crate::layer::LayerSpec;

/// The version of the tars that are made of layers. Every change to a byte of them takes a new one.
const FORMAT: u32 = 1;

/// Says what a layer is made of: two layers with one key have the same tar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerKey([u8; 32]);

impl LayerKey {
    /// The key of a layer; none where a path's NAR hash is not known.
    #[must_use]
    pub fn of(layer: &LayerSpec, compression: Compression) -> Option<Self> {
        let mut hasher = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(&FORMAT.to_le_bytes());
        add(compression.as_str().as_bytes());
        for path in &layer.paths {
            add(path.path.base_name().as_bytes());
            add(path.nar_hash?.bytes());
            // Serialising these cannot fail: they are strings and numbers.
            add(&serde_json::to_vec(&path.options).ok()?);
            add(&serde_json::to_vec(&path.part).ok()?);
        }
        Some(Self(hasher.finalize().into()))
    }

    /// A key that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no layer key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a layer key is 64 lower-case hex digits")]
pub struct LayerKeyError;

impl FromStr for LayerKey {
    type Err = LayerKeyError;

    fn from_str(text: &str) -> Result<Self, LayerKeyError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(LayerKeyError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| LayerKeyError)?;
        Ok(Self(bytes))
    }
}

/// What a layer came to. Who writes one decides what is in images, so it is kept where only they write who are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayerRecord {
    /// The digest of the tar.
    pub diff_id: Digest,
    /// Bytes of the tar, where they are known: a manifest does not tell them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_size: Option<u64>,
    /// The digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// How the tar became the blob.
    pub compression: Compression,
}

#[cfg(test)]
mod tests {
    use snowbank_nix::hash::NarHash;

    use super::*;
    use crate::layer::{LayerPath, PathOptions, Perm};

    fn key(options: PathOptions) -> LayerKey {
        let path = LayerPath {
            path: "h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-a".parse().unwrap(),
            nar_hash: Some(NarHash::of(b"a")),
            options,
            part: None,
        };
        LayerKey::of(&LayerSpec { paths: vec![path] }, Compression::Zstd).unwrap()
    }

    #[test]
    fn what_was_recorded_stays_known_while_options_are_added() {
        let perm = Perm { regex: ".*".to_owned(), mode: "0644".to_owned(), ..Perm::default() };
        let old = PathOptions { perms: vec![perm.clone()], ..PathOptions::default() };
        let wanted = "e07b0036057df25bec13f2788e33dd6b449dee7ee350431ae4685c1f6682e8e3";
        assert_eq!(key(old.clone()).to_string(), wanted);
        let adding = PathOptions {
            perms: vec![Perm { or_mode: "0200".to_owned(), ..perm }],
            ..PathOptions::default()
        };
        let ignoring = PathOptions { ignore_destination: "x".to_owned(), ..old.clone() };
        let mut keys = vec![key(old), key(adding), key(ignoring)];
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 3);
    }
}
