//! Opening a bucket.

use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;

use super::directory::Directory;
use super::{Bucket, BucketError, Place};
use crate::budget::Budget;
use crate::work::blocking;
// object_store does not compile without the TLS of its HTTP client, which it does not ask for itself.
use reqwest as _;

impl Bucket {
    /// Opens the bucket at `place`. Packs are spooled in `spool`, which is made when it is not there; a folder
    /// spools in its own `tmp` instead, so that storing is a rename.
    ///
    /// # Errors
    /// [`BucketError`] when a folder cannot be made or the address of an S3 service makes no sense; S3 itself is
    /// not asked.
    pub async fn open(place: Place, spool: &Path, budget: Budget) -> Result<Self, BucketError> {
        match place {
            Place::Directory(root) => {
                let name = root.display().to_string();
                let opened = blocking(move || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
                    let directory = Directory::open(&root)?;
                    Ok((LocalFileSystem::new_with_prefix(&root)?, directory))
                })
                .await;
                let (store, directory) =
                    opened.map_err(|error| BucketError::new("open folder", name, error))?;
                let spool = directory.temporary();
                Ok(Self::assemble(Arc::new(store), Some(directory), spool, budget))
            }
            Place::Memory => Self::over(Arc::new(InMemory::new()), spool, budget).await,
            Place::S3 { bucket, prefix, endpoint, region, access_key, secret_key, allow_http } => {
                use_ring();
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&bucket)
                    .with_region(region)
                    .with_access_key_id(access_key)
                    .with_secret_access_key(secret_key)
                    .with_allow_http(allow_http);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                let store =
                    builder.build().map_err(|error| BucketError::new("open bucket", bucket, error))?;
                Self::over(Arc::new(PrefixStore::new(store, prefix)), spool, budget).await
            }
        }
    }

    /// A bucket over any object store; packs are spooled in `spool`, which is made when it is not there.
    ///
    /// # Errors
    /// [`BucketError`] when the folder cannot be made.
    pub async fn over(
        store: Arc<dyn ObjectStore>,
        spool: &Path,
        budget: Budget,
    ) -> Result<Self, BucketError> {
        let folder = spool.to_owned();
        let made = blocking(move || std::fs::create_dir_all(folder)).await;
        made.map_err(|error| BucketError::new("make folder", spool.display().to_string(), error))?;
        Ok(Self::assemble(store, None, spool.to_owned(), budget))
    }
}

/// The HTTP client is built without a choice of cryptography and needs one even for plain HTTP.
fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Only another thread that was faster can make it fail, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
