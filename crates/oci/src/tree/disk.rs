//! Store paths on disk.

use std::path::{Path, PathBuf};

use snowbank_nix::nar::{Event, Walk, irregular};
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;

use super::{Tree, TreeError, Trees};

/// What is on disk, taken for what it is: nobody checks it. Holds what a [`Walk`] does.
#[derive(Debug)]
pub struct DiskTree {
    path: StorePath,
    walk: Walk,
}

impl DiskTree {
    /// The files of `path`, which lie at `file`.
    ///
    /// # Errors
    /// When there is nothing.
    pub fn open(path: &StorePath, file: &Path) -> Result<Self, TreeError> {
        let walk = Walk::new(file);
        let walk = walk.map_err(|error| TreeError { path: path.clone(), source: error.into() })?;
        Ok(Self { path: path.clone(), walk })
    }
}

impl Tree for DiskTree {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        let Self { path, walk } = self;
        walk.next_event().map_err(|error| TreeError { path: path.clone(), source: error.into() })
    }

    fn skip_contents(&mut self) -> bool {
        self.walk.skip_contents();
        true
    }
}

/// The paths of a store.
#[derive(Clone, Debug)]
pub struct StoreTrees {
    place: Place,
}

impl StoreTrees {
    /// The paths of the store that lies there.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { place }
    }
}

impl Trees for StoreTrees {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        Ok(Box::new(DiskTree::open(path, &self.place.file(path))?))
    }

    fn has(&self, path: &StorePath) -> bool {
        self.place.file(path).symlink_metadata().is_ok()
    }

    fn irregular(&self, path: &StorePath, most: usize) -> Vec<PathBuf> {
        // It explains another error, which stands whether it can be explained or not.
        irregular(&self.place.file(path), most).unwrap_or_default()
    }
}
