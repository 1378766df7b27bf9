//! What a tag names now, and what is learned from it.

use std::collections::HashMap;

use super::{Push, PushError};
use crate::config::ConfigFile;
use crate::descriptor::{Descriptor, Platform};
use crate::destination::{DestinationError, Manifest};
use crate::digest::Digest;
use crate::image::{Learned, learn};
use crate::manifest::{ImageManifest, Index};

/// What a tag names now.
#[derive(Default)]
pub(super) struct Today {
    /// Whether there is such a tag.
    pub(super) found: bool,
    pub(super) learned: Learned,
    /// Blobs that its manifest names, with their sizes.
    pub(super) there: HashMap<Digest, u64>,
    /// Its manifest.
    pub(super) current: Option<Digest>,
    /// The same, if the image is to take its place.
    pub(super) manifest: Option<Manifest>,
}

/// Requests that may still be made.
pub(super) struct Reads(usize);

impl Reads {
    pub(super) const fn new(most: usize) -> Self {
        Self(most)
    }

    /// Whatever one tag takes, which is three at the most: an index, an image and a config.
    pub(super) const fn of_one_tag() -> Self {
        Self(3)
    }

    /// Whether there was one.
    const fn take(&mut self) -> bool {
        let there = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        there
    }
}

impl Push<'_> {
    /// What a tag, or a digest, names now. Nothing where there are no requests left for it.
    pub(super) async fn today(&self, reference: &str, reads: &mut Reads) -> Result<Today, PushError> {
        let Some(manifest) = self.read(reference, reads).await? else { return Ok(Today::default()) };
        let Ok(index) = Index::parse(&manifest) else { return self.learned(&manifest, reads).await };
        let nothing = Today { found: true, ..Today::default() };
        // Of another architecture, or none of ours.
        let Some(found) = image_for(&index, &self.plan.platform) else { return Ok(nothing) };
        let Some(manifest) = self.read(&found.digest.to_string(), reads).await? else { return Ok(nothing) };
        let mut today = self.learned(&manifest, reads).await?;
        // An image that goes under the tag itself takes the index's place.
        if self.tags.is_some() {
            today.current = None;
            today.manifest = None;
        }
        Ok(today)
    }

    async fn read(&self, reference: &str, reads: &mut Reads) -> Result<Option<Manifest>, DestinationError> {
        if reads.take() { self.destination.manifest(reference).await } else { Ok(None) }
    }

    /// An image of others may be of any form: then it teaches nothing.
    async fn learned(&self, manifest: &Manifest, reads: &mut Reads) -> Result<Today, PushError> {
        let nothing = || Today { found: true, current: Some(manifest.digest), ..Today::default() };
        let most = ConfigFile::MOST_BYTES as u64;
        let Ok(parsed) = ImageManifest::parse(manifest) else { return Ok(nothing()) };
        if parsed.config.size > most || !reads.take() {
            return Ok(nothing());
        }
        let Some(config) = self.destination.blob(&parsed.config.digest, most).await? else {
            return Ok(nothing());
        };
        let Ok(config) = ConfigFile::parse(&config) else { return Ok(nothing()) };
        let Ok(learned) = learn(&parsed, &config) else { return Ok(nothing()) };
        let blobs = parsed.layers.iter().chain([&parsed.config]);
        let there = blobs.map(|blob| (blob.digest, blob.size)).collect();
        let current = Some(manifest.digest);
        Ok(Today { found: true, learned, there, current, manifest: Some(manifest.clone()) })
    }
}

/// The image of an index that runs there.
fn image_for<'a>(index: &'a Index, platform: &Platform) -> Option<&'a Descriptor> {
    index.manifests.iter().find(|manifest| manifest.platform.as_ref() == Some(platform))
}
