//! The config and the manifest of an image whose layers are known.

use bytes::Bytes;

use super::LAYER_ANNOTATION;
use super::names::{add_name, add_paths};
use super::plan::{ImagePlan, LayerContent, PlannedLayer};
use crate::compression::Compression;
use crate::config::{ConfigError, ConfigFile, History};
use crate::descriptor::{Descriptor, media_type};
use crate::destination::Manifest;
use crate::digest::Digest;
use crate::made::is_made;
use crate::manifest::{ImageManifest, ManifestError};
use crate::record::{LayerKey, LayerRecord};

/// What is put after the layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The config's bytes.
    pub config: Bytes,
    /// What the manifest says of the config.
    pub config_descriptor: Descriptor,
    /// The manifest.
    pub manifest: Manifest,
}

/// Why an image cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// Not one record a layer.
    #[error("the image has {layers} layers, and {records} of them are known")]
    Count {
        /// Layers of the plan.
        layers: usize,
        /// Records.
        records: usize,
    },
    /// A layer that is not what it should be.
    #[error(
        "the layer {name} came to the tar {has}, and should be {should}: a store path in it is not what it was when the image \
         was built; build the image again"
    )]
    DiffId {
        /// The layer.
        name: String,
        /// The digest of its tar.
        has: Digest,
        /// The digest that it should have.
        should: Digest,
    },
    /// The config cannot be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Puts an image together: `records` has what each layer came to, in the order of the plan's layers. Equal plans and records
/// make equal bytes. Each layer of store paths is annotated with the paths (that of a Nix database with none), and with its key and its name where the NAR hashes of
/// the paths are known: what it is called may depend on what is known of them.
///
/// # Errors
/// When a record is missing, or of another tar than the plan demands, or the manifest is too large.
pub fn assemble(plan: &ImagePlan, records: &[LayerRecord]) -> Result<Assembled, AssembleError> {
    if plan.layers.len() != records.len() {
        return Err(AssembleError::Count { layers: plan.layers.len(), records: records.len() });
    }
    let layers = plan.layers.iter().zip(records);
    let mut layers: Vec<Descriptor> =
        layers.map(|(layer, record)| describe(layer, record)).collect::<Result<_, _>>()?;
    let specs = plan.layers.iter().map(|layer| match &layer.content {
        LayerContent::Paths(spec) if !is_made(spec) => Some(spec),
        _ => None,
    });
    add_paths(&mut layers, &specs.collect::<Vec<_>>());
    let config = ConfigFile {
        created: plan.created.clone(),
        author: String::new(),
        platform: plan.platform.clone(),
        config: plan.config.clone(),
        diff_ids: records.iter().map(|record| record.diff_id).collect(),
        // What is said to be no layer would shift all that is said of those above it.
        history: plan
            .layers
            .iter()
            .map(|layer| History { empty_layer: false, ..layer.history.clone() })
            .collect(),
    };
    let config = config.to_bytes()?;
    let config_descriptor = Descriptor::new(media_type::CONFIG, Digest::of(&config), config.len() as u64);
    let manifest = ImageManifest {
        media_type: media_type::MANIFEST.to_owned(),
        artifact_type: None,
        config: config_descriptor.clone(),
        layers,
        subject: None,
        annotations: plan.annotations.clone(),
    };
    Ok(Assembled { config, config_descriptor, manifest: manifest.to_manifest()? })
}

fn describe(layer: &PlannedLayer, record: &LayerRecord) -> Result<Descriptor, AssembleError> {
    if let Some(should) = layer.diff_id.filter(|should| *should != record.diff_id) {
        return Err(AssembleError::DiffId { name: layer.name.clone(), has: record.diff_id, should });
    }
    Ok(match &layer.content {
        LayerContent::File(file) => Descriptor::new(oci_type(&file.media_type), record.digest, record.size),
        LayerContent::Paths(spec) => {
            let mut one = Descriptor::new(record.compression.media_type(), record.digest, record.size);
            if let Some(key) = LayerKey::of(spec, record.compression) {
                one.annotations.insert(LAYER_ANNOTATION.to_owned(), key.to_string());
                add_name(&mut one.annotations, &layer.name);
            }
            one
        }
    })
}

/// OCI's name of a layer's type: Docker's names have no place in OCI's manifests.
fn oci_type(text: &str) -> &str {
    match Compression::of_media_type(text) {
        Some(compression) => compression.media_type(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use snowbank_nix::store_path::StoreDir;

    use super::*;
    use crate::image::plan::plan_json;
    use crate::image::samples::{plan, records};
    use crate::image::{NAME_ANNOTATION, PATHS_ANNOTATION};
    use crate::image_json::ImageJson;

    #[test]
    fn layers_are_described_in_order() {
        let assembled = assemble(&plan(), &records()).unwrap();
        let manifest = ImageManifest::parse(&assembled.manifest).unwrap();
        assert_eq!(manifest.config, assembled.config_descriptor);
        assert_eq!(manifest.annotations["note"], "x");
        assert_eq!(assembled.config_descriptor.digest, Digest::of(&assembled.config));
        let types: Vec<_> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
        let zstd = Compression::Zstd.media_type();
        assert_eq!(types, [Compression::Gzip.media_type(), zstd, zstd]);
        for (layer, record) in manifest.layers.iter().zip(records()) {
            assert_eq!((layer.digest, layer.size), (record.digest, record.size));
        }
        assert!(manifest.layers[0].annotations.is_empty());
        let annotations = &manifest.layers[1].annotations;
        assert_eq!(annotations[LAYER_ANNOTATION].len(), 64);
        assert_eq!(annotations[NAME_ANNOTATION], "a");
        assert_eq!(annotations[PATHS_ANNOTATION], "h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-a");
        let config = ConfigFile::parse(&assembled.config).unwrap();
        assert_eq!(config.diff_ids, records().iter().map(|record| record.diff_id).collect::<Vec<_>>());
        assert_eq!(config.history.len(), 3);
    }

    #[test]
    fn the_config_is_that_which_nix2container_pushes() {
        let dir = StoreDir::default();
        let json = include_bytes!("../../tests/image_json/plain.json");
        let plan = plan_json(ImageJson::parse(json, &dir).unwrap(), &dir, "").unwrap();
        let diff_id = plan.layers[0].diff_id.unwrap();
        let record = LayerRecord { diff_id, ..records()[1] };
        let expected = concat!(
            r#"{"created":"0001-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"#,
            r#""Entrypoint":["/nix/store/h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-hello-2.12.1/bin/hello"]},"rootfs":{"type":"layers","#,
            r#""diff_ids":["sha256:cc45bd46eca903b0900ebb997dffd5778904dca9ec02e7375dd1e653dfb61e2e"]},"#,
            r#""history":[{"created_by":"nix2container"}]}"#,
        );
        let config = assemble(&plan, &[record]).unwrap().config;
        assert_eq!(std::str::from_utf8(&config).unwrap(), expected);
    }

    #[test]
    fn a_layer_without_nar_hashes_has_neither_key_nor_name() {
        let mut plan = plan();
        let LayerContent::Paths(spec) = &mut plan.layers[1].content else { panic!("a layer of paths") };
        spec.paths[0].nar_hash = None;
        let manifest = ImageManifest::parse(&assemble(&plan, &records()).unwrap().manifest).unwrap();
        assert_eq!(manifest.layers[1].annotations.keys().collect::<Vec<_>>(), [PATHS_ANNOTATION]);
    }

    #[test]
    fn a_layer_that_is_another_is_refused() {
        let mut records = records();
        records[2].diff_id = Digest::of(b"another");
        let error = assemble(&plan(), &records).unwrap_err();
        assert!(matches!(error, AssembleError::DiffId { ref name, .. } if name == "b"), "{error}");
        records.pop();
        assert!(matches!(assemble(&plan(), &records), Err(AssembleError::Count { layers: 3, records: 2 })));
    }
}
