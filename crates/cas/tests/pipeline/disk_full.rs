//! No room left: on a small file system where this user may mount one, and in a store that says so.

use std::fmt;
use std::io;
use std::path::Path as FilePath;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use snowbank_cas::bucket::{Bucket, BucketError, Place, PutError, UPLOADS};
use snowbank_cas::budget::Budget;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{IngestError, Plan, ingest};

use crate::support::{BUDGET, noise, pieces, small};

/// A file system of 4 MiB, unmounted on drop.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where this user may not mount.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(folder.path());
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &FilePath {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

async fn names(bucket: &Bucket) -> Vec<(String, u64)> {
    futures::TryStreamExt::try_collect(bucket.list(UPLOADS)).await.unwrap()
}

/// A stream and an ingest find no room and say so; then there is room again.
async fn no_room_and_room_again(bucket: &Bucket, make_room: impl FnOnce()) {
    let bytes = noise(1, 9 << 20);
    let error = bucket.put_stream("uploads/1/a", pieces(&bytes, 1 << 20), u64::MAX).await.unwrap_err();
    assert!(matches!(error, PutError::Full(BucketError::Full { .. })), "{error:?}");
    assert_eq!(names(bucket).await, []);
    assert_eq!(bucket.sweep_temporaries().await.unwrap(), 0);
    let index = MemoryIndex::default();
    let error = ingest(bucket, &index, pieces(&bytes, 1 << 20), Plan::Plain, small()).await.unwrap_err();
    assert!(matches!(error, IngestError::Bucket(BucketError::Full { .. })), "{error:?}");
    make_room();
    bucket.put_stream("uploads/1/b", pieces(&bytes[..1 << 20], 1 << 20), u64::MAX).await.unwrap();
    assert_eq!(names(bucket).await, [("uploads/1/b".to_owned(), 1 << 20)]);
}

#[tokio::test]
async fn a_full_folder_is_told_and_left_clean() {
    let Some(mount) = Mount::new() else { return };
    let place = Place::Directory(mount.path().to_owned());
    let bucket = Bucket::open(place, mount.path(), Budget::new(BUDGET)).await.unwrap();
    no_room_and_room_again(&bucket, || {
        std::fs::remove_dir_all(mount.path().join("packs")).unwrap();
    })
    .await;
}

/// A store in memory that is full as long as it is told so.
#[derive(Debug)]
struct Filling {
    store: InMemory,
    full: Arc<AtomicBool>,
}

impl Filling {
    fn room(full: &AtomicBool) -> Result<()> {
        if full.load(Ordering::Relaxed) {
            let source = Box::new(io::Error::from(io::ErrorKind::StorageFull));
            return Err(Error::Generic { store: "Filling", source });
        }
        Ok(())
    }
}

impl fmt::Display for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filling")
    }
}

#[derive(Debug)]
struct FillingUpload(Box<dyn MultipartUpload>, Arc<AtomicBool>);

#[async_trait]
impl MultipartUpload for FillingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, full) = (self.0.put_part(data), Arc::clone(&self.1));
        Box::pin(async move {
            Filling::room(&full)?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.0.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.0.abort().await
    }
}

#[async_trait]
impl ObjectStore for Filling {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        Self::room(&self.full)?;
        self.store.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.store.put_multipart_opts(path, options).await?;
        Ok(Box::new(FillingUpload(upload, Arc::clone(&self.full))))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_full_store_is_told_and_left_clean() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let store = Arc::new(Filling { store: InMemory::new(), full: Arc::clone(&full) });
    let bucket = Bucket::over(store, folder.path(), Budget::new(BUDGET)).await.unwrap();
    no_room_and_room_again(&bucket, || full.store(false, Ordering::Relaxed)).await;
}
