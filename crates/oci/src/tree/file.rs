//! A small file out of a store path.

use super::{TreeError, Trees};
use crate::blob::NoFile;
use crate::layer::entries::{Entries, Node};
use snowbank_nix::store_path::StorePath;

/// A file that is larger than it may be.
#[derive(Debug, thiserror::Error)]
#[error("it has {size} bytes, and at most {most} are read")]
struct TooLarge {
    size: u64,
    most: u64,
}

/// The content of a store path that is a file of at most `most` bytes. Blocks; holds all of it.
///
/// # Errors
/// When it cannot be read, is no file, or is larger.
pub fn read_file(trees: &dyn Trees, path: &StorePath, most: u64) -> Result<Vec<u8>, TreeError> {
    let failed = |source| TreeError { path: path.clone(), source };
    let mut entries = Entries::new(trees.open(path)?);
    let mut found = None;
    while let Some(node) = entries.next().map_err(|error| failed(error.into()))? {
        let Node::File { size, .. } = node else { break };
        if size > most {
            return Err(failed(TooLarge { size, most }.into()));
        }
        let mut bytes = Vec::new();
        while let Some(more) = entries.contents().map_err(|error| failed(error.into()))? {
            bytes.extend_from_slice(more);
        }
        found = Some(bytes);
    }
    found.ok_or_else(|| failed(NoFile { path: path.clone(), file: String::new() }.into()))
}
