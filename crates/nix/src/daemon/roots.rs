//! What the garbage collector must leave.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    Daemon, DaemonError, Stream, Version,
    request::{Operation, Request},
};
use crate::store_path::StorePath;

/// The version from which on a daemon makes links of its own.
const PERMANENT: Version = Version { major: 1, minor: 36 };

impl<S: Stream> Daemon<S> {
    /// Has `path`, valid or not, stay while this connection lives.
    ///
    /// # Errors
    /// When the daemon refuses or fails.
    pub fn add_temp_root(&mut self, path: &StorePath) -> Result<(), DaemonError> {
        let request = Request::of(Operation::AddTempRoot).path(&self.dir, path);
        self.ask(&request, |wire, _| wire.number().map(drop))
    }

    /// Tells the daemon of `link`, an absolute path of a symbolic link to a store path anywhere on the machine: what it
    /// leads to stays while it does.
    ///
    /// # Errors
    /// When the daemon refuses or fails.
    pub fn add_indirect_root(&mut self, link: &Path) -> Result<(), DaemonError> {
        let request = Request::of(Operation::AddIndirectRoot).string(link.as_os_str().as_bytes());
        self.ask(&request, |wire, _| wire.number().map(drop))
    }

    /// Has the daemon make a symbolic link to `path` at `link`, an absolute path, and gives back where it is. Only for
    /// trusted users, and from protocol 1.36 on.
    ///
    /// # Errors
    /// When the daemon is too old, refuses or fails.
    pub fn add_perm_root(&mut self, path: &StorePath, link: &Path) -> Result<PathBuf, DaemonError> {
        if self.version < PERMANENT {
            return Err(DaemonError::Unsupported { what: "make a link to a path", version: self.version });
        }
        let request =
            Request::of(Operation::AddPermRoot).path(&self.dir, path).string(link.as_os_str().as_bytes());
        self.ask(&request, |wire, _| wire.word("a link's path").map(PathBuf::from))
    }
}
