//! The files of a layout. Everything here blocks.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::index::{LayoutError, LayoutIndex};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::files::{clean, persist, read_small, temporary};
use crate::json::limits::Limits;
use crate::json::read::read;
use crate::manifest::MOST_BYTES;

type Failure = Box<dyn Error + Send + Sync>;

const LOCK: &str = ".snowbank.lock";
/// How temporary files' names begin; other writers into the same folder have other names.
const TEMPORARY: &str = ".snowbank-layout-";
const VERSION: &str = "oci-layout";
const SMALL: Limits = Limits { bytes: 4096, objects: 100, values: 100 };

/// A layout that is written to.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    /// Held together with all others who write blobs, until this is dropped.
    _users: File,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    image_layout_version: String,
}

impl Folder {
    /// Begins a layout, or takes one up and removes what nobody writes any more.
    ///
    /// # Errors
    /// When the folder cannot be written to, or is a layout of another version.
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        let blobs = dir.join("blobs");
        fs::create_dir_all(blobs.join("sha256"))?;
        let index = lock_file(dir)?;
        index.lock()?;
        clean(dir, TEMPORARY)?;
        match read_small(&dir.join(VERSION), SMALL.bytes as u64)? {
            Some(bytes) => {
                let version: Version =
                    read(&bytes, &SMALL).map_err(|source| LayoutError::Json { file: VERSION, source })?;
                if !version.image_layout_version.starts_with("1.") {
                    return Err(LayoutError::Version(version.image_layout_version).into());
                }
            }
            None => write(&dir.join(VERSION), dir, br#"{"imageLayoutVersion":"1.0.0"}"#)?,
        }
        let users = lock_file(&blobs)?;
        match users.try_lock() {
            Ok(()) => {
                clean(&blobs.join("sha256"), TEMPORARY)?;
                // The next one may clean before this lock is shared: nothing is written yet.
                users.unlock()?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        users.lock_shared()?;
        Ok(Self { dir: dir.to_owned(), _users: users })
    }

    /// The file of a blob.
    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// A temporary file that is to become a blob.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn temporary(&self) -> io::Result<NamedTempFile> {
        temporary(&self.blobs(), TEMPORARY)
    }

    fn blobs(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    /// A blob's bytes, if it is there.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) fn size(&self, digest: &Digest) -> io::Result<Option<u64>> {
        match fs::metadata(self.blob(digest)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A small blob, checked by its digest.
    ///
    /// # Errors
    /// When it cannot be read, has more than `most` bytes, or others than it should.
    pub(super) fn read(&self, digest: &Digest, most: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes = read_small(&self.blob(digest), most)?;
        if bytes.as_ref().is_some_and(|bytes| Digest::of(bytes) != *digest) {
            let text = format!("{} is damaged; remove it and push again", self.blob(digest).display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(bytes)
    }

    /// Writes a small blob.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        write(&self.blob(digest), &self.blobs(), bytes)
    }

    /// The index as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn index(&self) -> Result<LayoutIndex, Failure> {
        let bytes = read_small(&self.dir.join("index.json"), MOST_BYTES as u64)?;
        Ok(LayoutIndex::parse(bytes.as_deref())?)
    }

    /// Adds a manifest to the index, while nobody else changes it.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub(super) fn add(&self, descriptor: Descriptor, tag: Option<&str>) -> Result<(), Failure> {
        let lock = lock_file(&self.dir)?;
        lock.lock()?;
        clean(&self.dir, TEMPORARY)?;
        let mut index = self.index()?;
        index.add(descriptor, tag)?;
        write(&self.dir.join("index.json"), &self.dir, &index.to_bytes()?)?;
        Ok(())
    }
}

fn lock_file(dir: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(dir.join(LOCK))
}

fn write(path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(folder, TEMPORARY)?;
    file.write_all(bytes)?;
    persist(file, path)
}
