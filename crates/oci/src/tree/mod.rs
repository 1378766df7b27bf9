//! Where the content of store paths comes from: a store, or NARs that were never unpacked.

mod disk;
mod file;
mod nar;

use std::error::Error;
use std::path::PathBuf;

pub use disk::{DiskTree, StoreTrees};
pub use file::read_file;
pub use nar::{NarTree, WrongNar};
use snowbank_nix::nar::Event;
use snowbank_nix::store_path::StorePath;

/// Why a store path's content cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .path.base_name())]
pub struct TreeError {
    /// The store path.
    pub path: StorePath,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A store path's content, from its beginning to its end, as a NAR has it: names in the order of their bytes.
///
/// What is read is checked by its end at the latest: a tree whose content is not what the path should have fails.
pub trait Tree: Send {
    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError>;

    /// Passes over the content of the file under way, if that takes no reading it; its [`Event::Contents`] are not given
    /// then.
    fn skip_contents(&mut self) -> bool {
        false
    }
}

/// Store paths' contents. Called on blocking threads only.
pub trait Trees: Send + Sync + 'static {
    /// Begins to read a path.
    ///
    /// # Errors
    /// When it is not there.
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError>;

    /// Whether a path can be opened, as far as can be told without opening it.
    fn has(&self, _path: &StorePath) -> bool {
        true
    }

    /// Files of a path, at most `most`, whose modes differ from those that its NAR gives them; there are none but on disk.
    fn irregular(&self, _path: &StorePath, _most: usize) -> Vec<PathBuf> {
        Vec::new()
    }
}
