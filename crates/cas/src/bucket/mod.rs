//! The bucket: where objects lie.
//!
//! An object is written once under a name that is never used again, and is durable before a call that stores it
//! returns.

mod buffers;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod directory;
mod error;
mod file_sink;
mod name;
mod open;
mod place;
mod put;
mod read;
mod spool;
mod store_sink;

use std::path::{self, PathBuf};
use std::sync::Arc;

use futures::stream::{Stream, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use buffers::Buffers;
use directory::Directory;
pub use error::{BucketError, PutError};
pub use name::{PACKS, PROBES, UPLOADS, pack_name, pack_of};
pub use place::Place;
pub(crate) use read::{Paid, Span};
pub use spool::SpooledFile;

use crate::budget::Budget;
use crate::id::ObjectHash;
use crate::work::blocking;

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Bytes of the object.
    pub size: u64,
    /// BLAKE3 of the object.
    pub hash: ObjectHash,
}

/// Where objects lie. Clones share everything.
#[derive(Clone, Debug)]
pub struct Bucket {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    directory: Option<Directory>,
    spool: PathBuf,
    budget: Budget,
    buffers: Buffers,
}

impl Bucket {
    fn assemble(
        store: Arc<dyn ObjectStore>,
        directory: Option<Directory>,
        spool: PathBuf,
        budget: Budget,
    ) -> Self {
        Self { inner: Arc::new(Inner { store, directory, spool, budget, buffers: Buffers::default() }) }
    }

    /// The bound on buffers that this bucket keeps to.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.inner.budget
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.inner.store)
    }

    fn directory(&self) -> Option<&Directory> {
        self.inner.directory.as_ref()
    }

    /// Where temporary files are made: on the disk of the objects, where those are in a folder.
    #[must_use]
    pub fn spool_folder(&self) -> &path::Path {
        &self.inner.spool
    }

    fn buffers(&self) -> &Buffers {
        &self.inner.buffers
    }

    /// An empty temporary file, to be filled and stored.
    ///
    /// # Errors
    /// [`BucketError`] when it cannot be made.
    pub async fn spool(&self) -> Result<SpooledFile, BucketError> {
        let folder = self.inner.spool.clone();
        let made = blocking(move || SpooledFile::new(&folder)).await;
        made.map_err(|error| BucketError::new("spool", "a temporary file", error))
    }

    /// Deletes the temporary files that a crash left and returns how many there were. Only for the process that
    /// has the folders for itself, before it writes.
    ///
    /// # Errors
    /// [`BucketError`] when the folder cannot be read or a file not be deleted.
    pub async fn sweep_temporaries(&self) -> Result<u64, BucketError> {
        let folder = self.inner.spool.clone();
        let swept = blocking(move || spool::sweep(&folder)).await;
        swept.map_err(|error| BucketError::new("sweep", self.inner.spool.display().to_string(), error))
    }

    /// Bytes of the object, if it is there.
    ///
    /// # Errors
    /// [`BucketError`] when that cannot be known.
    pub async fn size(&self, name: &str) -> Result<Option<u64>, BucketError> {
        match self.inner.store.head(&Path::from(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(BucketError::new("look up", name, error)),
        }
    }

    /// Deletes the object; one that is not there is fine.
    ///
    /// # Errors
    /// [`BucketError`] when it may still be there.
    pub async fn delete(&self, name: &str) -> Result<(), BucketError> {
        if let Some(directory) = self.directory().cloned() {
            let owned = name.to_owned();
            let deleted = blocking(move || directory.delete(&owned)).await;
            return deleted.map_err(|error| BucketError::new("delete", name, error));
        }
        match self.inner.store.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BucketError::new("delete", name, error)),
        }
    }

    /// Names and sizes in bytes of all objects below the folder `prefix` ([`UPLOADS`], [`PACKS`]), in no order.
    pub fn list(
        &self,
        prefix: &str,
    ) -> impl Stream<Item = Result<(String, u64), BucketError>> + Send + 'static {
        let prefix = prefix.to_owned();
        let objects = self.inner.store.list(Some(&Path::from(prefix.as_str())));
        objects
            .map_ok(|meta| (meta.location.to_string(), meta.size))
            .map_err(move |error| BucketError::new("list", prefix.clone(), error))
    }
}
