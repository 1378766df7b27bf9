//! Files under way to the bucket.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

/// What every temporary file's name begins with.
const PREFIX: &str = "spool-";

/// A temporary file that is filled, then stored with [`super::Bucket::put_spooled`] or dropped, which deletes it.
/// Its methods wait for the disk.
#[derive(Debug)]
pub struct SpooledFile {
    file: File,
    path: TempPath,
    size: u64,
}

impl SpooledFile {
    /// An empty file in `folder`.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let (file, path) = NamedTempFile::with_prefix_in(PREFIX, folder)?.into_parts();
        Ok(Self { file, path, size: 0 })
    }

    /// Adds `bytes` at the end.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Fills `buffer` from `offset` on.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Bytes appended so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    pub(super) fn into_path(self) -> TempPath {
        self.path
    }
}

/// Deletes every temporary file in `folder` and returns how many there were.
pub(super) fn sweep(folder: &Path) -> io::Result<u64> {
    let mut swept = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            std::fs::remove_file(entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}
