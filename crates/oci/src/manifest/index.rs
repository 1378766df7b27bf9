//! Indexes: images for several platforms under one name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LIMITS, MOST_ENTRIES, ManifestError, check, write};
use crate::descriptor::Descriptor;
use crate::destination::Manifest;
use crate::json::fields::{Fields, nullable};
use crate::json::read::read;

/// Manifests under one name, which differ by what runs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its media type, of OCI or of Docker.
    pub media_type: String,
    /// What it is when it is not of images.
    pub artifact_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// The manifest that it says something of.
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// When it is too large or not what it should be.
    pub fn parse(manifest: &Manifest) -> Result<Self, ManifestError> {
        check(manifest, true)?;
        let raw = read::<Fields<Raw>>(&manifest.bytes, &LIMITS)?.known;
        if raw.manifests.len() > MOST_ENTRIES {
            return Err(ManifestError::Entries(raw.manifests.len()));
        }
        Ok(Self {
            media_type: manifest.media_type.clone(),
            artifact_type: raw.artifact_type,
            manifests: raw.manifests,
            subject: raw.subject,
            annotations: raw.annotations,
        })
    }

    /// The manifest's bytes.
    ///
    /// # Errors
    /// When there would be more than registries take.
    pub fn to_manifest(&self) -> Result<Manifest, ManifestError> {
        if self.manifests.len() > MOST_ENTRIES {
            return Err(ManifestError::Entries(self.manifests.len()));
        }
        write(
            &self.media_type,
            &Written {
                schema_version: 2,
                media_type: &self.media_type,
                artifact_type: self.artifact_type.as_deref(),
                manifests: &self.manifests,
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
    #[serde(deserialize_with = "nullable")]
    manifests: Vec<Descriptor>,
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
    manifests: &'a [Descriptor],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::descriptor::media_type;
    use crate::manifest::Parsed;
    use crate::manifest::image::tests::descriptors;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            docker: bool,
            artifact_type in option::of("[a-z/]{1,9}"),
            manifests in vec(descriptors(), 0..4),
            subject in option::of(descriptors()),
            annotations in btree_map(".{0,8}", ".{0,8}", 0..3),
        ) {
            let media_type = if docker { media_type::DOCKER_INDEX } else { media_type::INDEX }.to_owned();
            let index = Index { media_type, artifact_type, manifests, subject, annotations };
            let manifest = index.to_manifest().unwrap();
            prop_assert_eq!(Parsed::of(&manifest).unwrap(), Parsed::Index(index));
        }
    }
}
