//! Manifests of images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LIMITS, MOST_ENTRIES, ManifestError, check, write};
use crate::descriptor::Descriptor;
use crate::destination::Manifest;
use crate::json::fields::{Fields, nullable};
use crate::json::read::read;

/// What an image is made of; also anything else that has a config and layers, as an SBOM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// Its media type, of OCI or of Docker.
    pub media_type: String,
    /// What it is when it is no image.
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest that it says something of.
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is too large or not what it should be.
    pub fn parse(manifest: &Manifest) -> Result<Self, ManifestError> {
        check(manifest, false)?;
        let raw = read::<Fields<Raw>>(&manifest.bytes, &LIMITS)?.known;
        if raw.layers.len() > MOST_ENTRIES {
            return Err(ManifestError::Entries(raw.layers.len()));
        }
        Ok(Self {
            media_type: manifest.media_type.clone(),
            artifact_type: raw.artifact_type,
            config: raw.config,
            layers: raw.layers,
            subject: raw.subject,
            annotations: raw.annotations,
        })
    }

    /// The manifest's bytes.
    ///
    /// # Errors
    /// When there would be more than registries take.
    pub fn to_manifest(&self) -> Result<Manifest, ManifestError> {
        if self.layers.len() > MOST_ENTRIES {
            return Err(ManifestError::Entries(self.layers.len()));
        }
        write(
            &self.media_type,
            &Written {
                schema_version: 2,
                media_type: &self.media_type,
                artifact_type: self.artifact_type.as_deref(),
                config: &self.config,
                layers: &self.layers,
                subject: self.subject.as_ref(),
                annotations: &self.annotations,
            },
        )
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    artifact_type: Option<String>,
    config: Descriptor,
    #[serde(deserialize_with = "nullable")]
    layers: Vec<Descriptor>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "nullable")]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u32,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::descriptor::{Platform, media_type};
    use crate::digest::Digest;
    use crate::manifest::Parsed;

    prop_compose! {
        pub(in crate::manifest) fn descriptors()(
            media_type in "[a-z/.+]{1,20}",
            content in any::<[u8; 4]>(),
            size: u64,
            annotations in btree_map(".{0,8}", ".{0,8}", 0..3),
            platform in option::of(("[a-z]{1,5}", "[a-z]{1,5}", option::of("[a-z]{1,5}"))),
            artifact_type in option::of("[a-z/]{1,9}"),
        ) -> Descriptor {
            let platform = platform.map(|(architecture, os, variant)| Platform { architecture, os, variant });
            Descriptor { media_type, digest: Digest::of(&content), size, annotations, platform, artifact_type }
        }
    }

    fn plain(media_type: &str, content: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(content),
            size: content.len() as u64,
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    #[test]
    fn it_is_written_as_go_writes_it() {
        let mut layer = plain(media_type::LAYER, b"");
        layer.annotations.insert("a".to_owned(), "<".to_owned());
        let manifest = ImageManifest {
            media_type: media_type::MANIFEST.to_owned(),
            artifact_type: None,
            config: plain(media_type::CONFIG, b""),
            layers: vec![layer],
            subject: None,
            annotations: BTreeMap::from([("b".to_owned(), "1".to_owned())]),
        };
        let digest = Digest::of(b"");
        let expected = [
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":""#,
            &digest.to_string(),
            r#"","size":0},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":""#,
            &digest.to_string(),
            r#"","size":0,"annotations":{"a":"\u003c"}}],"annotations":{"b":"1"}}"#,
        ]
        .concat();
        let written = manifest.to_manifest().unwrap();
        assert_eq!(std::str::from_utf8(&written.bytes).unwrap(), expected);
        assert_eq!(written.digest, Digest::of(expected.as_bytes()));
    }

    #[test]
    fn bounds_hold() {
        let layer = plain(media_type::LAYER, b"");
        let mut manifest = ImageManifest {
            media_type: media_type::MANIFEST.to_owned(),
            artifact_type: None,
            config: plain(media_type::CONFIG, b""),
            layers: vec![layer; MOST_ENTRIES],
            subject: None,
            annotations: BTreeMap::new(),
        };
        assert!(ImageManifest::parse(&manifest.to_manifest().unwrap()).is_ok());
        manifest.layers.push(manifest.layers[0].clone());
        assert!(matches!(manifest.to_manifest(), Err(ManifestError::Entries(_))));
        manifest.layers.clear();
        manifest.annotations.insert(String::new(), "x".repeat(crate::manifest::MOST_BYTES));
        assert!(matches!(manifest.to_manifest(), Err(ManifestError::Bytes(_))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            docker: bool,
            artifact_type in option::of("[a-z/]{1,9}"),
            config in descriptors(),
            layers in vec(descriptors(), 0..4),
            subject in option::of(descriptors()),
            annotations in btree_map(".{0,8}", ".{0,8}", 0..3),
        ) {
            let media_type = if docker { media_type::DOCKER_MANIFEST } else { media_type::MANIFEST }.to_owned();
            let image = ImageManifest { media_type, artifact_type, config, layers, subject, annotations };
            let manifest = image.to_manifest().unwrap();
            prop_assert_eq!(Parsed::of(&manifest).unwrap(), Parsed::Image(image));
        }
    }
}
