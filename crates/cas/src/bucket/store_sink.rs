//! A stream on its way into an object store.

use std::sync::Arc;

use blake3::Hasher;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{BucketError, Stored};
use crate::id::ObjectHash;
use crate::work::blocking;

/// Sends parts, one at a time, while the next is gathered. A stream of one part is one request.
pub(super) struct StoreSink {
    unfinished: Unfinished,
    sending: JoinSet<object_store::Result<()>>,
    hasher: Box<Hasher>,
    size: u64,
}

/// Takes back what was begun, unless it came to its end.
struct Unfinished {
    store: Arc<dyn ObjectStore>,
    path: Path,
    upload: Option<Box<dyn MultipartUpload>>,
    armed: bool,
}

impl Unfinished {
    async fn clean(store: Arc<dyn ObjectStore>, path: Path, upload: Option<Box<dyn MultipartUpload>>) {
        // What cannot be taken back now is found when the bucket is listed.
        if let Some(mut upload) = upload {
            let _ = upload.abort().await;
        }
        let _ = store.delete(&path).await;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.armed, Handle::try_current()) {
            let (store, path, upload) = (Arc::clone(&self.store), self.path.clone(), self.upload.take());
            runtime.spawn(Self::clean(store, path, upload));
        }
    }
}

impl StoreSink {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path) -> Self {
        let unfinished = Unfinished { store, path, upload: None, armed: true };
        Self { unfinished, sending: JoinSet::new(), hasher: Box::default(), size: 0 }
    }

    fn failed(&self, error: object_store::Error) -> BucketError {
        BucketError::new("store", self.unfinished.path.as_ref(), error)
    }

    async fn hash(&mut self, part: Bytes) {
        self.size += part.len() as u64;
        let mut hasher = std::mem::take(&mut self.hasher);
        self.hasher = blocking(move || {
            hasher.update(&part);
            hasher
        })
        .await;
    }

    async fn sent(&mut self) -> Result<(), BucketError> {
        while let Some(done) = self.sending.join_next().await {
            let failed = |source| object_store::Error::JoinError { source };
            done.map_err(failed).flatten().map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Starts to send a part as soon as the one before is sent.
    pub(super) async fn write(&mut self, part: Bytes) -> Result<(), BucketError> {
        self.hash(part.clone()).await;
        self.sent().await?;
        let upload = match &mut self.unfinished.upload {
            Some(upload) => upload,
            None => {
                let begun = self.unfinished.store.put_multipart(&self.unfinished.path).await;
                let begun = begun.map_err(|error| self.failed(error))?;
                self.unfinished.upload.insert(begun)
            }
        };
        self.sending.spawn(upload.put_part(part.into()));
        Ok(())
    }

    /// Makes all that was written and `last` the object.
    pub(super) async fn finish(mut self, last: Bytes) -> Result<Stored, BucketError> {
        let done = self.conclude(last).await;
        match done {
            Ok(()) => {
                self.unfinished.armed = false;
                let hash = ObjectHash::from_bytes(*self.hasher.finalize().as_bytes());
                Ok(Stored { size: self.size, hash })
            }
            Err(error) => {
                self.discard().await;
                Err(error)
            }
        }
    }

    async fn conclude(&mut self, last: Bytes) -> Result<(), BucketError> {
        if self.unfinished.upload.is_none() {
            self.hash(last.clone()).await;
            let done = self.unfinished.store.put(&self.unfinished.path, last.into()).await;
            return done.map(drop).map_err(|error| self.failed(error));
        }
        if !last.is_empty() {
            self.write(last).await?;
        }
        self.sent().await?;
        match &mut self.unfinished.upload {
            Some(upload) => upload.complete().await.map(drop).map_err(|error| self.failed(error)),
            None => Ok(()),
        }
    }

    /// Takes back what was sent so far.
    pub(super) async fn discard(mut self) {
        self.sending.shutdown().await;
        self.unfinished.armed = false;
        let (store, path) = (Arc::clone(&self.unfinished.store), self.unfinished.path.clone());
        Unfinished::clean(store, path, self.unfinished.upload.take()).await;
    }
}
