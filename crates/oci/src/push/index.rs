//! Several images under one tag.

use std::collections::BTreeMap;

use super::PushError;
use crate::descriptor::{Descriptor, media_type};
use crate::destination::Destination;
use crate::digest::Digest;
use crate::manifest::Index;

/// What became of an index.
#[derive(Clone, Debug, serde::Serialize)]
pub struct IndexReport {
    /// Its digest.
    pub digest: Digest,
    /// The tags that were changed.
    pub tagged: Vec<String>,
}

/// Puts an index of images, which are there by their digests, under tags. A tag that names it already is left alone.
///
/// # Errors
/// When the destination does not take it.
pub async fn put_index(
    images: Vec<Descriptor>,
    destination: &dyn Destination,
    tags: &[String],
) -> Result<IndexReport, PushError> {
    let index = Index {
        media_type: media_type::INDEX.to_owned(),
        artifact_type: None,
        manifests: images,
        subject: None,
        annotations: BTreeMap::new(),
    };
    let manifest = index.to_manifest()?;
    let mut tagged = Vec::new();
    for tag in tags {
        let found = destination.resolve(tag).await?;
        if found.is_none_or(|found| found.digest != manifest.digest) {
            destination.put_manifest(&manifest, tag).await?;
            tagged.push(tag.clone());
        }
    }
    Ok(IndexReport { digest: manifest.digest, tagged })
}
