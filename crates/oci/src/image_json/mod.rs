//! The JSON in which nix2container keeps an image that it built: the config, and of each layer the store paths or the file.
//!
//! Source: nix2container's `types/types.go` and `nix/`. What it reads with Go is read as Go reads it: names of fields in any
//! letter case, `null` as nothing. A layer that has both `paths` and `layer-path` is the file.

mod error;
mod raw;
mod store_file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use snowbank_nix::store_path::StoreDir;

use crate::config::{History, ImageConfig, Timestamp};
use crate::descriptor::media_type;
use crate::digest::Digest;
use crate::json::fields::Fields;
use crate::json::limits::Limits;
use crate::json::read::read;
use crate::layer::{LayerPath, LayerSpec, PathOptions};
use raw::{RawImage, RawLayer, RawPath};

pub use error::ImageJsonError;
pub use store_file::{StoreFileError, split_store_file};

/// Layers that an image may have.
pub const MOST_LAYERS: usize = 1000;
/// Store paths that all layers together may name.
pub const MOST_PATHS: usize = 200_000;

/// An object for each path, its options, their rewrite and two permissions; all bytes are held in memory.
const LIMITS: Limits = Limits { bytes: 64 << 20, objects: 5 * MOST_PATHS, values: 20 * MOST_PATHS };

/// An image that nix2container built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageJson {
    /// How it is run.
    pub config: ImageConfig,
    /// Its layers, the lowest first, none of them twice.
    pub layers: Vec<JsonLayer>,
    /// The processor, in Go's words; what old releases wrote has none.
    pub architecture: Option<String>,
    /// When it says that it was made.
    pub created: Option<Timestamp>,
    /// What a person should know of it, a line each: fields that are not known, layers that were there twice.
    pub warnings: Vec<String>,
}

/// A layer of such an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLayer {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The digest of its blob: that of the tar unless the layer is of another image.
    pub digest: Digest,
    /// Bytes of its blob; 0 where it is not known.
    pub size: u64,
    /// What its blob is.
    pub media_type: String,
    /// What it is made of.
    pub content: JsonContent,
    /// Where it comes from.
    pub history: History,
}

/// What a layer is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonContent {
    /// Store paths, whose NAR hashes the JSON does not tell.
    Paths(LayerSpec),
    /// A file that is the blob; [`split_store_file`] tells the store path that it is in.
    File(PathBuf),
}

impl ImageJson {
    /// Reads what nix2container wrote for a store directory.
    ///
    /// # Errors
    /// When it has more than 64 MiB, [`MOST_LAYERS`] or [`MOST_PATHS`], is of another version, or is not what it should be; the
    /// error names the layer (the lowest is 0) and the field.
    pub fn parse(bytes: &[u8], dir: &StoreDir) -> Result<Self, ImageJsonError> {
        let image: Fields<RawImage> = read(bytes, &LIMITS)?;
        let mut warnings = Warnings::default();
        let raw = warnings.note(image, "the image");
        match raw.version {
            Some(1) => {}
            Some(version) if version > 1 => return Err(ImageJsonError::Version(version)),
            Some(version) => warnings
                .lines
                .push(format!("the image JSON is of version {version}; it is read as version 1")),
            None => warnings.lines.push("the image JSON has no version; it is read as version 1".to_owned()),
        }
        if raw.layers.len() > MOST_LAYERS {
            return Err(ImageJsonError::Layers(raw.layers.len()));
        }
        let paths = raw.layers.iter().map(|layer| layer.known.paths.len()).sum();
        if paths > MOST_PATHS {
            return Err(ImageJsonError::Paths(paths));
        }
        let mut seen = BTreeMap::new();
        let mut layers = Vec::new();
        for (number, layer) in raw.layers.into_iter().enumerate() {
            let layer = read_layer(number, layer, dir, &mut warnings)?;
            if let Some(first) = seen.get(&layer.digest) {
                let line =
                    format!("layer {number} of the image JSON is layer {first} again, and is left out");
                warnings.lines.push(line);
            } else {
                seen.insert(layer.digest, number);
                layers.push(layer);
            }
        }
        Ok(Self {
            config: warnings.note(raw.image_config, "image-config"),
            layers,
            architecture: Some(raw.arch).filter(|arch| !arch.is_empty()),
            created: raw.created,
            warnings: warnings.lines,
        })
    }
}

fn read_layer(
    number: usize,
    layer: Fields<RawLayer>,
    dir: &StoreDir,
    warnings: &mut Warnings,
) -> Result<JsonLayer, ImageJsonError> {
    let raw = warnings.note(layer, "a layer");
    let content = if let Some(file) = raw.layer_path.filter(|file| !file.is_empty()) {
        let file = PathBuf::from(file);
        if !file.is_absolute() {
            return Err(ImageJsonError::File { layer: number, file });
        }
        JsonContent::File(file)
    } else {
        let mut paths = Vec::with_capacity(raw.paths.len());
        for (index, path) in raw.paths.into_iter().enumerate() {
            paths.push(read_path(number, index, path, dir, warnings)?);
        }
        JsonContent::Paths(LayerSpec { paths })
    };
    let media_type = if raw.mediatype.is_empty() { media_type::LAYER.to_owned() } else { raw.mediatype };
    if matches!(content, JsonContent::Paths(_))
        && (raw.digest != raw.diff_ids || media_type != media_type::LAYER)
    {
        return Err(ImageJsonError::Compressed(number));
    }
    Ok(JsonLayer {
        diff_id: raw.diff_ids,
        digest: raw.digest,
        size: raw.size,
        media_type,
        content,
        history: warnings.note(raw.history, "a layer's History"),
    })
}

fn read_path(
    layer: usize,
    path: usize,
    raw: Fields<RawPath>,
    dir: &StoreDir,
    warnings: &mut Warnings,
) -> Result<LayerPath, ImageJsonError> {
    let raw = warnings.note(raw, "a path");
    let parsed = dir.parse(&raw.path).map_err(|source| ImageJsonError::Path {
        layer,
        path,
        text: raw.path,
        dir: dir.clone(),
        source,
    })?;
    let options = warnings.note(raw.options.map(|options| *options).unwrap_or_default(), "a path's options");
    let rewrite = warnings.note(options.rewrite, "a path's rewrite");
    let perms = options.perms.into_iter().map(|perm| warnings.note(perm, "a path's perms")).collect();
    let options = PathOptions { rewrite, perms, ignore_destination: options.ignore_destination };
    Ok(LayerPath { path: parsed, nar_hash: None, options, part: None })
}

/// What a person should know, a thing once.
#[derive(Default)]
struct Warnings {
    lines: Vec<String>,
    unknown: BTreeSet<(&'static str, String)>,
}

impl Warnings {
    /// Different unknown fields that are told of.
    const MOST: usize = 50;

    /// What is known of an object, once its other fields are noted.
    fn note<T>(&mut self, fields: Fields<T>, place: &'static str) -> T {
        for name in fields.unknown {
            if self.unknown.len() < Self::MOST && self.unknown.insert((place, name.clone())) {
                // Newer releases rename and change files in ways that are told there.
                let effect = if place.starts_with("a path") {
                    "is not known; a layer that it changes will not have the digest that the JSON says"
                } else {
                    "is not known and changes nothing"
                };
                let line = format!("the field {name:?} of {place} in the image JSON {effect}");
                self.lines.push(line);
            }
        }
        fields.known
    }
}
