//! From a file system into a NAR.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Walk, WriteError, Writer};

/// Why a tree cannot be dumped.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Something cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Something is neither file, directory nor link.
    #[error("{} is neither a file, a directory nor a link", .0.display())]
    Kind(PathBuf),
    /// A file ended before its size.
    #[error("{} became shorter while it was read", .0.display())]
    Changed(PathBuf),
    /// It cannot be written, or breaks a bound.
    #[error("cannot write the archive of {}", .path.display())]
    Write {
        /// What was about to be written.
        path: PathBuf,
        /// Why.
        #[source]
        error: WriteError,
    },
}

/// Writes the NAR of what is at `path` to `sink`, and gives the sink back. Holds what a [`Walk`] does.
///
/// # Errors
/// When something cannot be read, is of a kind that no NAR holds or beyond a NAR's bounds, or the sink fails.
pub fn dump<W: Write>(path: &Path, sink: W) -> Result<W, DumpError> {
    let written = |error| DumpError::Write { path: path.to_owned(), error };
    let mut walk = Walk::new(path)?;
    let mut writer = Writer::new(sink).map_err(written)?;
    while let Some(event) = walk.next_event()? {
        let done = writer.event(&event);
        done.map_err(|error| DumpError::Write { path: walk.path().to_owned(), error })?;
    }
    writer.finish().map_err(written)
}
