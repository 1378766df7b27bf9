//! Blobs that are files in store paths.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use snowbank_nix::store_path::StorePath;

use super::outlet::{Outlet, pieces};
use crate::destination::{Blob, BlobError, Pieces};
use crate::digest::Digest;
use crate::layer::entries::{Entries, Node};
use crate::tree::Trees;

/// A blob that is a file in a store path, which need not be on disk: a tar that nix2container stored.
#[derive(Clone)]
pub struct TreeFileBlob {
    trees: Arc<dyn Trees>,
    path: StorePath,
    /// As [`Entries::path`] has it.
    file: Vec<u8>,
    known: Option<(Digest, u64)>,
}

/// A store path without the file that was to be read.
#[derive(Debug, thiserror::Error)]
#[error("there is no file `{file}` in {}", .path.base_name())]
pub struct NoFile {
    /// The store path.
    pub path: StorePath,
    /// The file's path in it.
    pub file: String,
}

impl TreeFileBlob {
    /// The file at `file` in a store path, which is empty where the store path itself is the file; and its digest and
    /// size, if they are known.
    #[must_use]
    pub fn new(trees: Arc<dyn Trees>, path: StorePath, file: &[u8], known: Option<(Digest, u64)>) -> Self {
        let file = if file.is_empty() { Vec::new() } else { [b"/", file].concat() };
        Self { trees, path, file, known }
    }

    /// Sends it. Everything else is read, too, because the file is what it should be only if all of the path is.
    fn send(&self, mut outlet: Outlet) -> Result<(Digest, u64), BlobError> {
        let mut entries = Entries::new(self.trees.open(&self.path)?);
        let mut found = false;
        while let Some(node) = entries.next()? {
            if matches!(node, Node::File { .. }) && entries.path() == self.file {
                found = true;
                while let Some(bytes) = entries.contents()? {
                    outlet.write_all(bytes)?;
                }
            }
        }
        if !found {
            let file = String::from_utf8_lossy(self.file.get(1..).unwrap_or_default()).into_owned();
            return Err(NoFile { path: self.path.clone(), file }.into());
        }
        Ok(outlet.finish()?)
    }
}

impl Blob for TreeFileBlob {
    fn known(&self) -> Option<(Digest, u64)> {
        self.known
    }

    fn open(&self, offset: u64) -> Pieces {
        let blob = self.clone();
        pieces(offset, move |outlet| blob.send(outlet))
    }
}

impl fmt::Debug for TreeFileBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, known, .. } = self;
        f.debug_struct("TreeFileBlob").field("path", path).field("known", known).finish_non_exhaustive()
    }
}
