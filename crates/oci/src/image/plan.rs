//! What is to be pushed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use snowbank_nix::store_path::{StoreDir, StorePath};

use super::history::name_of;
use crate::compression::Compression;
use crate::config::{History, ImageConfig, Timestamp};
use crate::descriptor::Platform;
use crate::digest::Digest;
use crate::image_json::{ImageJson, JsonContent, StoreFileError, split_store_file};
use crate::layer::LayerSpec;

/// An image that is to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePlan {
    /// How it is run.
    pub config: ImageConfig,
    /// Its layers, the lowest first.
    pub layers: Vec<PlannedLayer>,
    /// What runs it.
    pub platform: Platform,
    /// When it says that it was made: [`Timestamp::of_store`] for what is made of store paths, another where somebody asks for
    /// it, as by `SOURCE_DATE_EPOCH`; nothing where nix2container says nothing.
    pub created: Option<Timestamp>,
    /// What else its manifest says of it.
    pub annotations: BTreeMap<String, String>,
}

/// A layer that is to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLayer {
    /// What people call it: the group's name, the largest path's, "42 paths".
    pub name: String,
    /// What it is made of.
    pub content: LayerContent,
    /// The digest that its tar must have, where that is known.
    pub diff_id: Option<Digest>,
    /// Its blob, where that is given and never made.
    pub stored: Option<StoredBlob>,
    /// Where it comes from.
    pub history: History,
}

/// What a layer is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerContent {
    /// Store paths.
    Paths(LayerSpec),
    /// A file that is its blob.
    File(FileLayer),
}

/// A file in the store that is a layer's blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLayer {
    /// The store path that holds it.
    pub path: StorePath,
    /// The file's path within it; empty where the store path is the file. It is in its shortest form and leads nowhere else.
    pub inside: PathBuf,
    /// What the blob is.
    pub media_type: String,
}

/// A blob that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes, where they are known.
    pub size: Option<u64>,
    /// How it is compressed.
    pub compression: Compression,
}

/// Plans an image that nix2container built. All is as the JSON has it, so that the config has the same bytes as what
/// nix2container pushes; `architecture` is taken where the JSON names none. NAR hashes are not in the JSON: whoever knows them fills them in.
///
/// # Errors
/// When a layer's file is not in the store.
pub fn plan_json(image: ImageJson, dir: &StoreDir, architecture: &str) -> Result<ImagePlan, StoreFileError> {
    let layers = image.layers.into_iter().map(|layer| {
        let (name, content, stored) = match layer.content {
            JsonContent::Paths(spec) => (name_of(&spec), LayerContent::Paths(spec), None),
            JsonContent::File(file) => {
                let (path, inside) = split_store_file(dir, &file)?;
                let stored = StoredBlob {
                    digest: layer.digest,
                    size: Some(layer.size).filter(|size| *size > 0),
                    // A type that is not known is passed on as it is: nobody here looks into the blob.
                    compression: Compression::of_media_type(&layer.media_type).unwrap_or(Compression::None),
                };
                let name = path.name().to_owned();
                (
                    name,
                    LayerContent::File(FileLayer { path, inside, media_type: layer.media_type }),
                    Some(stored),
                )
            }
        };
        Ok(PlannedLayer { name, content, diff_id: Some(layer.diff_id), stored, history: layer.history })
    });
    Ok(ImagePlan {
        config: image.config,
        layers: layers.collect::<Result<_, _>>()?,
        platform: Platform {
            architecture: image.architecture.unwrap_or_else(|| architecture.to_owned()),
            os: "linux".to_owned(),
            variant: None,
        },
        created: image.created,
        annotations: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = include_bytes!("../../tests/image_json/from-image.json");

    fn plan(json: &[u8]) -> Result<ImagePlan, StoreFileError> {
        plan_json(ImageJson::parse(json, &StoreDir::default()).unwrap(), &StoreDir::default(), "riscv64")
    }

    #[test]
    fn files_are_found_in_the_store() {
        let plan = plan(JSON).unwrap();
        let [base, stored] = &plan.layers[..] else { panic!("two layers") };
        assert_eq!(base.name, "docker-image-alpine");
        let blob = base.stored.unwrap();
        assert_eq!((blob.size, blob.compression), (None, Compression::Gzip));
        assert_ne!(base.diff_id, Some(blob.digest));
        let blob = stored.stored.unwrap();
        assert_eq!((blob.size, blob.compression), (Some(4096), Compression::None));
        assert_eq!(stored.diff_id, Some(blob.digest));
        assert_eq!(plan.created, None);
        assert_eq!(plan.platform.architecture, "amd64");
    }

    #[test]
    fn files_elsewhere_are_refused() {
        let text = String::from_utf8(JSON.to_vec()).unwrap().replacen("/nix/store/xv2", "/etc/xv2", 1);
        assert!(plan(text.as_bytes()).is_err());
    }

    #[test]
    fn the_processor_is_told_where_the_json_has_none() {
        let text =
            String::from_utf8(JSON.to_vec()).unwrap().replacen("\"arch\": \"amd64\"", "\"arch\": \"\"", 1);
        assert_eq!(plan(text.as_bytes()).unwrap().platform.architecture, "riscv64");
    }
}
