//! Manifests of images and indexes of them, of OCI and of Docker.
//!
//! They are written as Go's types of the OCI image specification are: compact, fields in the order there.

mod error;
mod image;
mod index;

pub use error::ManifestError;
pub use image::ImageManifest;
pub use index::Index;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::descriptor::{Descriptor, media_type};
use crate::destination::Manifest;
use crate::digest::Digest;
use crate::json::fields::{Fields, nullable};
use crate::json::go;
use crate::json::limits::Limits;
use crate::json::read::read;

/// Bytes that a manifest may have; registries take no more.
pub const MOST_BYTES: usize = 4 << 20;
/// Layers that a manifest may name, or manifests that an index may.
pub const MOST_ENTRIES: usize = 1000;

pub(crate) const LIMITS: Limits = Limits { bytes: MOST_BYTES, objects: 10_000, values: 100_000 };

/// A manifest of whichever kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Of an image, or of anything else that has a config and layers.
    Image(ImageManifest),
    /// Of several manifests.
    Index(Index),
}

impl Parsed {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is too large, of a kind that is not known, or not what its media type says.
    pub fn of(manifest: &Manifest) -> Result<Self, ManifestError> {
        match manifest.media_type.as_str() {
            media_type::MANIFEST | media_type::DOCKER_MANIFEST => {
                ImageManifest::parse(manifest).map(Self::Image)
            }
            media_type::INDEX | media_type::DOCKER_INDEX => Index::parse(manifest).map(Self::Index),
            other => Err(ManifestError::Kind(other.to_owned())),
        }
    }

    /// What must be there before it: the config and the layers, or the manifests.
    pub fn needs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, others) = match self {
            Self::Image(image) => (Some(&image.config), &image.layers),
            Self::Index(index) => (None, &index.manifests),
        };
        config.into_iter().chain(others)
    }
}

/// The media type that a manifest's bytes say they are of, where nothing else tells. Bytes of OCI's first release may name none.
///
/// # Errors
/// When they are no manifest.
pub fn media_type_of(bytes: &[u8]) -> Result<String, ManifestError> {
    let kind: Kind = read::<Fields<Kind>>(bytes, &LIMITS)?.known;
    let told = match (kind.layers.is_some(), kind.manifests.is_some()) {
        (true, false) => media_type::MANIFEST,
        (false, true) => media_type::INDEX,
        _ => return Err(ManifestError::Ambiguous),
    };
    Ok(if kind.media_type.is_empty() { told.to_owned() } else { kind.media_type })
}

/// What tells the kinds apart.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kind {
    #[serde(deserialize_with = "nullable")]
    schema_version: u32,
    #[serde(deserialize_with = "nullable")]
    media_type: String,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// Checks that a manifest is of one kind for everybody: bytes that one reader takes for an image and another for an index are
/// refused, as the specification demands since its release 1.0.2.
fn check(manifest: &Manifest, index: bool) -> Result<(), ManifestError> {
    let kind: Kind = read::<Fields<Kind>>(&manifest.bytes, &LIMITS)?.known;
    if kind.schema_version != 2 {
        return Err(ManifestError::Schema(kind.schema_version));
    }
    if !kind.media_type.is_empty() && kind.media_type != manifest.media_type {
        return Err(ManifestError::Differs { said: manifest.media_type.clone(), inside: kind.media_type });
    }
    let other = if index { kind.layers.is_some() } else { kind.manifests.is_some() };
    if other { Err(ManifestError::Ambiguous) } else { Ok(()) }
}

fn write<T: Serialize>(media_type: &str, value: &T) -> Result<Manifest, ManifestError> {
    let bytes = Bytes::from(go::to_vec(value).map_err(ManifestError::Write)?);
    if bytes.len() > MOST_BYTES {
        return Err(ManifestError::Bytes(bytes.len()));
    }
    Ok(Manifest { media_type: media_type.to_owned(), digest: Digest::of(&bytes), bytes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(media_type: &str, text: &str) -> Manifest {
        Manifest {
            media_type: media_type.to_owned(),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            digest: Digest::of(text.as_bytes()),
        }
    }

    #[test]
    fn what_could_be_of_two_kinds_is_refused() {
        let text = r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{"mediaType":"a","size":1,"digest":
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#;
        for kind in
            [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_INDEX]
        {
            assert!(matches!(Parsed::of(&manifest(kind, text)), Err(ManifestError::Ambiguous)), "{kind}");
        }
        assert!(media_type_of(text.as_bytes()).is_err());
    }

    #[test]
    fn the_media_type_must_be_that_of_the_bytes() {
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::INDEX);
        assert!(Parsed::of(&manifest(media_type::INDEX, &text)).is_ok());
        assert!(matches!(
            Parsed::of(&manifest(media_type::DOCKER_INDEX, &text)),
            Err(ManifestError::Differs { .. })
        ));
        assert!(matches!(Parsed::of(&manifest("text/plain", &text)), Err(ManifestError::Kind(_))));
        assert_eq!(media_type_of(text.as_bytes()).unwrap(), media_type::INDEX);
    }

    #[test]
    fn other_schemas_are_refused() {
        for text in [r#"{"manifests":[]}"#, r#"{"schemaVersion":1,"manifests":[]}"#] {
            assert!(matches!(Parsed::of(&manifest(media_type::INDEX, text)), Err(ManifestError::Schema(_))));
        }
    }

    #[test]
    fn the_kind_is_told_from_the_bytes() {
        assert_eq!(media_type_of(br#"{"layers":[]}"#).unwrap(), media_type::MANIFEST);
        assert_eq!(media_type_of(br#"{"manifests":[]}"#).unwrap(), media_type::INDEX);
        assert!(media_type_of(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for kind in [media_type::MANIFEST, media_type::INDEX] {
                drop(Parsed::of(&Manifest {
                    media_type: kind.to_owned(), bytes: Bytes::copy_from_slice(&bytes), digest: Digest::of(&bytes),
                }));
            }
        }
    }
}
