//! What the daemon's store has.

use std::{collections::BTreeSet, io::Read};

use super::{
    Daemon, DaemonError, MAX_PATHS, Stream,
    request::{Operation, Request},
    wire::Wire,
};
use crate::{
    path_info::PathInfo,
    store_path::{StoreDir, StorePath},
};

impl<S: Stream> Daemon<S> {
    /// Whether `path` is valid.
    ///
    /// # Errors
    /// When the daemon cannot say.
    pub fn is_valid(&mut self, path: &StorePath) -> Result<bool, DaemonError> {
        let request = Request::of(Operation::IsValidPath).path(&self.dir, path);
        self.ask(&request, |wire, _| wire.truth())
    }

    /// Those of `paths` that are valid; nothing is fetched from anywhere. The request is held in memory.
    ///
    /// # Errors
    /// When the daemon cannot say.
    pub fn valid_among(&mut self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, DaemonError> {
        let full: Vec<_> = paths.iter().map(|path| self.dir.display(path)).collect();
        let substitute = false;
        let request = Request::of(Operation::QueryValidPaths).strings(full.iter()).truth(substitute);
        self.ask(&request, set)
    }

    /// All valid paths, of which at most [`MAX_PATHS`] are read.
    ///
    /// # Errors
    /// When the daemon cannot say.
    pub fn valid_paths(&mut self) -> Result<BTreeSet<StorePath>, DaemonError> {
        self.ask(&Request::of(Operation::QueryAllValidPaths), set)
    }

    /// What is known of `path`, if it is valid.
    ///
    /// # Errors
    /// When the daemon cannot say, or what it says cannot be read.
    pub fn path_info(&mut self, path: &StorePath) -> Result<Option<PathInfo>, DaemonError> {
        let request = Request::of(Operation::QueryPathInfo).path(&self.dir, path);
        self.ask(
            &request,
            |wire, dir| {
                if wire.truth()? { wire.info(dir, path.clone()).map(Some) } else { Ok(None) }
            },
        )
    }
}

fn set<S: Read>(wire: &mut Wire<S>, dir: &StoreDir) -> Result<BTreeSet<StorePath>, DaemonError> {
    wire.items("a set of paths", MAX_PATHS, |wire| wire.path(dir))
}
