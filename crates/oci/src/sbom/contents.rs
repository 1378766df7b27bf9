//! What is known of what is in an image.

use std::collections::BTreeMap;

use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use crate::config::Timestamp;
use crate::descriptor::Platform;
use crate::image::{ImagePlan, LayerContent};
use crate::package::Package;

/// What is known of the store paths in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub(super) dir: StoreDir,
    pub(super) platform: Platform,
    /// When the image says that it was made.
    pub(super) created: Timestamp,
    /// The paths, in their order, each once.
    pub(super) paths: Vec<Item>,
    files: usize,
}

/// A store path in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) path: StorePath,
    pub(super) name: String,
    /// Empty where there is none.
    pub(super) version: String,
    pub(super) nar_hash: Option<NarHash>,
    pub(super) details: Option<Details>,
}

/// What only Nix's database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    /// Bytes of the NAR; 0 where nobody wrote it down.
    pub(super) nar_size: u64,
    pub(super) deriver: Option<StorePath>,
    /// The paths in the image that it refers to, by their places, other than itself.
    pub(super) references: Vec<usize>,
}

impl Contents {
    /// What is known of the image's paths. What a path refers to and is not in the image is left out.
    #[must_use]
    pub fn of(plan: &ImagePlan, infos: &BTreeMap<StorePath, PathInfo>, dir: &StoreDir) -> Self {
        let mut hashes: BTreeMap<&StorePath, Option<NarHash>> = BTreeMap::new();
        let mut files = 0;
        for layer in &plan.layers {
            match &layer.content {
                LayerContent::Paths(spec) => {
                    for path in &spec.paths {
                        let hash = hashes.entry(&path.path).or_default();
                        *hash = hash.or(path.nar_hash);
                    }
                }
                LayerContent::File(_) => files += 1,
            }
        }
        let places: BTreeMap<&StorePath, usize> =
            hashes.keys().enumerate().map(|(at, &path)| (path, at)).collect();
        let item = |(path, nar_hash): (&&StorePath, &Option<NarHash>)| {
            let info = infos.get(*path);
            let package = info.map_or_else(|| Package::of_name(path.name()), Package::of);
            let details = info.map(|info| Details {
                nar_size: info.nar_size,
                deriver: info.deriver.clone(),
                references: info
                    .references
                    .iter()
                    .filter(|reference| *reference != *path)
                    .filter_map(|reference| places.get(reference).copied())
                    .collect(),
            });
            Item {
                path: (*path).clone(),
                name: package.name.to_owned(),
                version: package.version.to_owned(),
                nar_hash: nar_hash.or(info.map(|info| info.nar_hash)),
                details,
            }
        };
        Self {
            dir: dir.clone(),
            platform: plan.platform.clone(),
            created: plan.created.clone().unwrap_or_else(Timestamp::of_store),
            paths: hashes.iter().map(item).collect(),
            files,
        }
    }

    /// How many store paths are in the image.
    #[must_use]
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// Of how many of them nothing but the name is known, so that what they depend on is not listed.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.paths.iter().filter(|item| item.details.is_none()).count()
    }

    /// How many layers are files, as those of another image below: what is in them is not listed.
    #[must_use]
    pub const fn files(&self) -> usize {
        self.files
    }

    /// What the list does not cover, as people are told; none where it is all there.
    #[must_use]
    pub fn gaps(&self) -> Option<String> {
        let files = match self.files {
            0 => None,
            1 => Some("what is in a layer that was a file is not listed".to_owned()),
            more => Some(format!("what is in {more} layers that were files is not listed")),
        };
        let paths = match self.unknown() {
            0 => None,
            1 => Some("of one store path only its name was known, and not what it depends on".to_owned()),
            more => Some(format!(
                "of {more} store paths only their names were known, and not what they depend on"
            )),
        };
        let gaps: Vec<String> = files.into_iter().chain(paths).collect();
        (!gaps.is_empty()).then(|| gaps.join("; "))
    }

    /// The paths that no other one in the image refers to: what the image was made for.
    pub(super) fn roots(&self) -> Vec<&Item> {
        let mut referred = vec![false; self.paths.len()];
        let details = self.paths.iter().filter_map(|item| item.details.as_ref());
        details.flat_map(|details| &details.references).for_each(|&at| referred[at] = true);
        self.paths.iter().zip(referred).filter(|(_, referred)| !referred).map(|(item, _)| item).collect()
    }
}
