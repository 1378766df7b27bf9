//! Store paths that are in no store: made in memory for a layer of an image, whose files are moved to the image's root. So the
//! layer has a key that follows from its content, and is known and found as others are.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nix32;
use snowbank_nix::store_path::{StorePath, StorePathError};

use crate::config::{History, Timestamp};
use crate::image::{LayerContent, PlannedLayer};
use crate::layer::{LayerPath, LayerSpec, PathOptions, Perm, Rewrite};
use crate::tree::{NarTree, Tree, TreeError, Trees};
use crate::{nix_database, volumes};

/// The names of all paths that are made so.
const NAMES: [&str; 2] = [nix_database::PATH_NAME, volumes::PATH_NAME];

/// Such a path. Holds its bytes.
#[derive(Clone, Debug)]
pub(crate) struct MadePath {
    path: StorePath,
    hash: NarHash,
    nar: Bytes,
}

impl MadePath {
    /// The path of this name with this content.
    pub(crate) fn new(name: &str, nar: Bytes) -> Result<Self, StorePathError> {
        let hash = NarHash::of(&nar);
        let path = format!("{}-{name}", nix32::encode(&hash.bytes()[..20])).parse()?;
        Ok(Self { path, hash, nar })
    }

    /// A layer of it alone, which people call `name`.
    pub(crate) fn layer(&self, name: &str, perms: Vec<Perm>, created: &Timestamp) -> PlannedLayer {
        let options = PathOptions { rewrite: to_the_root(&self.path), perms, ..PathOptions::default() };
        let path = LayerPath { path: self.path.clone(), nar_hash: Some(self.hash), options, part: None };
        PlannedLayer {
            name: name.to_owned(),
            content: LayerContent::Paths(LayerSpec { paths: vec![path] }),
            diff_id: None,
            stored: None,
            history: History {
                created: Some(created.clone()),
                created_by: name.to_owned(),
                ..History::default()
            },
        }
    }

    /// Its content, and that of others.
    pub(crate) fn among(self, others: Arc<dyn Trees>) -> Arc<dyn Trees> {
        Arc::new(Among { made: self, others })
    }
}

/// Whether a layer is one of those that [`MadePath::layer`] plans: then there are no store paths in it.
pub(crate) fn is_made(layer: &LayerSpec) -> bool {
    matches!(&layer.paths[..], [one] if NAMES.contains(&one.path.name()) && one.options.rewrite == to_the_root(&one.path))
}

/// Moves all to the root of the image.
fn to_the_root(path: &StorePath) -> Rewrite {
    // Nothing in the name is special in a regular expression.
    Rewrite { regex: format!("^.*/{path}"), repl: String::new() }
}

/// A made path, and what others read.
struct Among {
    made: MadePath,
    others: Arc<dyn Trees>,
}

impl Trees for Among {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let MadePath { path: own, hash, nar } = &self.made;
        if path != own {
            return self.others.open(path);
        }
        let size = nar.len() as u64;
        Ok(Box::new(NarTree::new(own.clone(), Cursor::new(nar.clone()), *hash, size)))
    }

    fn has(&self, path: &StorePath) -> bool {
        *path == self.made.path || self.others.has(path)
    }

    fn irregular(&self, path: &StorePath, most: usize) -> Vec<PathBuf> {
        if *path == self.made.path { Vec::new() } else { self.others.irregular(path, most) }
    }
}
