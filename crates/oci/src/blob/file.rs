//! Blobs on disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::outlet::{Outlet, pieces};
use crate::destination::{Blob, BlobError, Pieces};
use crate::digest::Digest;

/// A blob that is a file. Nothing but its end says that the file is what was known of it.
#[derive(Clone, Debug)]
pub struct FileBlob {
    file: PathBuf,
    known: Option<(Digest, u64)>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .file.display())]
struct Unreadable {
    file: PathBuf,
    #[source]
    error: io::Error,
}

impl FileBlob {
    /// The blob in a file, and its digest and size, if they are known.
    #[must_use]
    pub const fn new(file: PathBuf, known: Option<(Digest, u64)>) -> Self {
        Self { file, known }
    }

    /// The blob in a file, read to find out its digest and size. Blocks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hashed(file: PathBuf) -> Result<Self, BlobError> {
        let known = send(&file, Outlet::closed())?;
        Ok(Self { file, known: Some(known) })
    }
}

impl Blob for FileBlob {
    fn known(&self) -> Option<(Digest, u64)> {
        self.known
    }

    fn open(&self, offset: u64) -> Pieces {
        let file = self.file.clone();
        pieces(offset, move |outlet| send(&file, outlet))
    }
}

fn send(file: &Path, mut outlet: Outlet) -> Result<(Digest, u64), BlobError> {
    let sent =
        File::open(file).and_then(|mut open| io::copy(&mut open, &mut outlet)).and_then(|_| outlet.finish());
    Ok(sent.map_err(|error| Unreadable { file: file.to_owned(), error })?)
}
