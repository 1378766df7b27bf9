//! The content of the layer's path, among those of a store.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use snowbank_nix::store_path::StorePath;

use super::NixDatabase;
use crate::tree::{NarTree, Tree, TreeError, Trees};

/// A database, and what others read.
pub(super) struct WithDatabase {
    database: NixDatabase,
    others: Arc<dyn Trees>,
}

impl WithDatabase {
    pub(super) const fn new(database: NixDatabase, others: Arc<dyn Trees>) -> Self {
        Self { database, others }
    }
}

impl Trees for WithDatabase {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let NixDatabase { path: own, hash, nar } = &self.database;
        if path != own {
            return self.others.open(path);
        }
        let size = nar.len() as u64;
        Ok(Box::new(NarTree::new(own.clone(), Cursor::new(nar.clone()), *hash, size)))
    }

    fn has(&self, path: &StorePath) -> bool {
        *path == self.database.path || self.others.has(path)
    }

    fn irregular(&self, path: &StorePath, most: usize) -> Vec<PathBuf> {
        if *path == self.database.path { Vec::new() } else { self.others.irregular(path, most) }
    }
}
