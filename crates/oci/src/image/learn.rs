//! What a pushed image tells of its layers.

use std::collections::BTreeMap;

use super::LAYER_ANNOTATION;
use crate::compression::Compression;
use crate::config::ConfigFile;
use crate::digest::Digest;
use crate::manifest::ImageManifest;
use crate::record::{LayerKey, LayerRecord};

/// What a pushed image tells of its layers. It is as true as whoever may push there is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Layers that were made of store paths.
    pub by_key: BTreeMap<LayerKey, LayerRecord>,
    /// All layers by the digest of their tars, those that another tool pushed among them.
    pub by_diff_id: BTreeMap<Digest, LayerRecord>,
    /// How the image is compressed: as its first layer that was made of store paths, else as its first layer.
    pub compression: Option<Compression>,
}

/// A manifest and a config that do not belong together, so that nothing can be learned.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the image's manifest has {layers} layers, its config {diff_ids}, and its history tells of {history}"
)]
pub struct LearnError {
    /// Layers of the manifest.
    pub layers: usize,
    /// Digests of tars in the config.
    pub diff_ids: usize,
    /// Entries of the history that have a layer.
    pub history: usize,
}

/// Learns from an image that is there. Annotations that are no keys, and layers of types that are not known, are passed over;
/// of two layers that claim one key or one tar, the lower one counts.
///
/// # Errors
/// When manifest and config do not belong together.
pub fn learn(manifest: &ImageManifest, config: &ConfigFile) -> Result<Learned, LearnError> {
    let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
    let history = config.history.iter().filter(|entry| !entry.empty_layer).count();
    // Tools may leave the history out.
    if layers != diff_ids || (!config.history.is_empty() && history != layers) {
        return Err(LearnError { layers, diff_ids, history });
    }
    let mut learned = Learned::default();
    let mut first_of_paths = None;
    let mut first = None;
    for (layer, diff_id) in manifest.layers.iter().zip(&config.diff_ids) {
        let Some(compression) = Compression::of_media_type(&layer.media_type) else { continue };
        let record = LayerRecord {
            diff_id: *diff_id,
            diff_size: (compression == Compression::None).then_some(layer.size),
            digest: layer.digest,
            size: layer.size,
            compression,
        };
        if compression == Compression::None && layer.digest != *diff_id {
            continue;
        }
        first.get_or_insert(compression);
        learned.by_diff_id.entry(*diff_id).or_insert(record);
        if let Some(key) = layer.annotations.get(LAYER_ANNOTATION).and_then(|text| text.parse().ok()) {
            first_of_paths.get_or_insert(compression);
            learned.by_key.entry(key).or_insert(record);
        }
    }
    learned.compression = first_of_paths.or(first);
    Ok(learned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::History;
    use crate::image::assemble::assemble;
    use crate::image::plan::LayerContent;
    use crate::image::samples::{plan, records};

    fn pushed() -> (ImageManifest, ConfigFile) {
        let assembled = assemble(&plan(), &records()).unwrap();
        (ImageManifest::parse(&assembled.manifest).unwrap(), ConfigFile::parse(&assembled.config).unwrap())
    }

    #[test]
    fn what_was_pushed_is_learned() {
        let (manifest, config) = pushed();
        let learned = learn(&manifest, &config).unwrap();
        for (layer, record) in plan().layers.iter().zip(records()) {
            assert_eq!(learned.by_diff_id[&record.diff_id], record);
            if let LayerContent::Paths(spec) = &layer.content {
                assert_eq!(learned.by_key[&LayerKey::of(spec, record.compression).unwrap()], record);
            }
        }
        assert_eq!((learned.by_key.len(), learned.by_diff_id.len()), (2, 3));
        assert_eq!(learned.compression, Some(Compression::Zstd));
    }

    #[test]
    fn what_another_tool_pushed_is_learned() {
        let (mut manifest, mut config) = pushed();
        for layer in &mut manifest.layers {
            layer.annotations.clear();
            layer.media_type = crate::descriptor::media_type::DOCKER_LAYER_GZIP.to_owned();
        }
        config.history.insert(1, History { empty_layer: true, ..History::default() });
        let learned = learn(&manifest, &config).unwrap();
        assert_eq!((learned.by_key.len(), learned.by_diff_id.len()), (0, 3));
        assert_eq!(learned.compression, Some(Compression::Gzip));
        config.history.clear();
        assert_eq!(learn(&manifest, &config), Ok(learned));
    }

    #[test]
    fn counts_must_agree() {
        let (manifest, config) = pushed();
        let mut fewer = manifest.clone();
        fewer.layers.pop();
        assert_eq!(learn(&fewer, &config), Err(LearnError { layers: 2, diff_ids: 3, history: 3 }));
        let mut shifted = config;
        shifted.history[0].empty_layer = true;
        assert_eq!(learn(&manifest, &shifted), Err(LearnError { layers: 3, diff_ids: 3, history: 2 }));
    }

    #[test]
    fn what_cannot_be_is_passed_over() {
        let (mut manifest, config) = pushed();
        manifest.layers[0].media_type = "application/x-unknown".to_owned();
        manifest.layers[1].annotations.insert(LAYER_ANNOTATION.to_owned(), "no key".to_owned());
        // Not compressed, and yet of another digest than its tar.
        manifest.layers[2].media_type = Compression::None.media_type().to_owned();
        let learned = learn(&manifest, &config).unwrap();
        assert_eq!((learned.by_key.len(), learned.by_diff_id.len()), (0, 1));
    }
}
