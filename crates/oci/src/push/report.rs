//! What a push came to.

use serde::Serialize;

use crate::compression::Compression;
use crate::digest::Digest;
use crate::image::ImagePlan;
use crate::record::{LayerKey, LayerRecord};

/// What became of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The destination had it.
    Exists,
    /// It was taken over from another repository.
    Mounted,
    /// It was made and sent.
    Uploaded,
    /// It would have to be sent.
    Missing,
}

/// A layer, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Its place in the image, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// What it is called.
    pub name: String,
    /// How many store paths are in it.
    pub paths: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// The digest of its blob, where it is known.
    pub digest: Option<Digest>,
    /// Bytes of its blob.
    pub size: Option<u64>,
    /// The digest of its tar.
    pub diff_id: Option<Digest>,
    /// Seconds that it took to be made and sent.
    pub seconds: f64,
}

/// What a push came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The manifest's digest; none in a dry run.
    pub manifest: Option<Digest>,
    /// Bytes of the manifest.
    pub manifest_size: u64,
    /// The image's processor.
    pub architecture: String,
    /// How new layers were compressed.
    pub compression: Compression,
    /// Its layers.
    pub layers: Vec<LayerReport>,
    /// The tags that were changed.
    pub tagged: Vec<String>,
    /// Layers that were made: their places, from 0, and the seconds that each took.
    #[serde(skip)]
    pub sent: Vec<(usize, f64)>,
    /// What is new of layers, to be recorded.
    #[serde(skip)]
    pub news: Vec<(LayerKey, LayerRecord)>,
    /// Where the manifest is what it was.
    pub unchanged: bool,
}

impl Report {
    pub(super) fn new(plan: &ImagePlan, compression: Compression) -> Self {
        Self {
            manifest: None,
            manifest_size: 0,
            architecture: plan.platform.architecture.clone(),
            compression,
            layers: Vec::new(),
            tagged: Vec::new(),
            sent: Vec::new(),
            news: Vec::new(),
            unchanged: false,
        }
    }

    /// How many layers came to that, and the bytes of their blobs as far as they are known.
    #[must_use]
    pub fn sum(&self, outcome: Outcome) -> (usize, u64) {
        let layers = self.layers.iter().filter(|layer| layer.outcome == outcome);
        layers.fold((0, 0), |(count, bytes), layer| (count + 1, bytes + layer.size.unwrap_or(0)))
    }
}
