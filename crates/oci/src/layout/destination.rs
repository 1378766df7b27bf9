//! A layout as a destination.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::folder::Folder;
use crate::descriptor::Descriptor;
use crate::destination::{Blob, BlobError, Destination, DestinationError, Manifest, Mounted};
use crate::digest::Digest;
use crate::files::{blocking, failed, persist};
use crate::manifest::{ImageManifest, MOST_BYTES, Parsed, media_type_of};
use crate::spool::spool;

/// A folder in the layout of OCI. What was put is durable and may be seen at once.
pub struct LayoutDestination {
    folder: Arc<Folder>,
    name: String,
}

impl LayoutDestination {
    /// Begins a folder, or takes up one that is there. The tag is a matter of the manifest that is put.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub async fn open(dir: &Path) -> Result<Self, DestinationError> {
        let name = format!("oci:{}", dir.display());
        let dir: PathBuf = dir.to_owned();
        let folder =
            blocking(|| format!("cannot write images to {name}"), move || Folder::open(&dir)).await?;
        Ok(Self { folder: Arc::new(folder), name })
    }

    async fn run<T: Send + 'static>(
        &self,
        attempt: &str,
        work: impl FnOnce(&Folder) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, DestinationError> {
        let folder = Arc::clone(&self.folder);
        blocking(|| format!("cannot {attempt} {}", self.name), move || work(&folder)).await
    }

    /// Checks that what a manifest needs is there.
    async fn check_blobs(
        &self,
        parsed: &Parsed,
        attempt: impl Fn() -> String,
    ) -> Result<(), DestinationError> {
        let mut missing = Vec::new();
        for needed in parsed.needs() {
            if self.has(&needed.digest).await? != Some(needed.size) {
                missing.push(needed.digest);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("{} of its blobs are not there", missing.len());
        Err(DestinationError { missing, refused_blobs: true, ..failed(attempt(), text) })
    }

    async fn put_small(&self, manifest: &Manifest) -> Result<(), DestinationError> {
        let Manifest { digest, bytes, .. } = manifest.clone();
        self.run("write a manifest to", move |folder| Ok(folder.write(&digest, &bytes)?)).await
    }

    async fn add(&self, descriptor: Descriptor, tag: Option<&str>) -> Result<(), DestinationError> {
        let tag = tag.map(str::to_owned);
        self.run("write the index of", move |folder| folder.add(descriptor, tag.as_deref())).await
    }
}

fn describe(manifest: &Manifest) -> Descriptor {
    Descriptor::new(&manifest.media_type, manifest.digest, manifest.bytes.len() as u64)
}

/// The manifest that a tag or digest names.
fn find(folder: &Folder, reference: &str) -> Result<Option<Manifest>, BlobError> {
    let (digest, media_type) = match reference.parse::<Digest>() {
        Ok(digest) => (digest, None),
        Err(_) => match folder.index()?.find(reference)? {
            Some(descriptor) => (descriptor.digest, Some(descriptor.media_type)),
            None => return Ok(None),
        },
    };
    let Some(bytes) = folder.read(&digest, MOST_BYTES as u64)? else { return Ok(None) };
    let media_type = match media_type {
        Some(media_type) => media_type,
        None => media_type_of(&bytes)?,
    };
    Ok(Some(Manifest { media_type, bytes: bytes.into(), digest }))
}

/// What the index names that is attached to a manifest.
fn referrers(folder: &Folder, subject: &Digest) -> Result<Vec<Descriptor>, BlobError> {
    let mut found = Vec::new();
    for descriptor in folder.index()?.artifacts() {
        let Some(bytes) = folder.read(&descriptor.digest, MOST_BYTES as u64)? else { continue };
        let manifest = Manifest {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest,
            bytes: bytes.into(),
        };
        let Ok(parsed) = ImageManifest::parse(&manifest) else { continue };
        if parsed.subject.is_some_and(|one| one.digest == *subject) {
            found.push(descriptor);
        }
    }
    Ok(found)
}

#[async_trait]
impl Destination for LayoutDestination {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn resolve(&self, reference: &str) -> Result<Option<Descriptor>, DestinationError> {
        Ok(self.manifest(reference).await?.as_ref().map(describe))
    }

    async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, DestinationError> {
        let reference = reference.to_owned();
        self.run("read a manifest of", move |folder| find(folder, &reference)).await
    }

    async fn blob(&self, digest: &Digest, most: u64) -> Result<Option<Bytes>, DestinationError> {
        let digest = *digest;
        self.run("read a blob of", move |folder| Ok(folder.read(&digest, most)?.map(Bytes::from))).await
    }

    async fn has(&self, digest: &Digest) -> Result<Option<u64>, DestinationError> {
        let digest = *digest;
        self.run("look for a blob in", move |folder| Ok(folder.size(&digest)?)).await
    }

    async fn mount(&self, _: &Digest, _: &str) -> Result<Mounted, DestinationError> {
        Ok(Mounted::No)
    }

    async fn put(&self, blob: &dyn Blob) -> Result<(Digest, u64), DestinationError> {
        let file = self.run("begin a blob in", |folder| Ok(folder.temporary()?)).await?;
        let folder = Arc::clone(&self.folder);
        let done =
            spool(blob.open(0), file, move |file, digest, _| persist(file, &folder.blob(&digest))).await;
        match done {
            Ok((digest, size, ())) => Ok((digest, size)),
            Err(error) => Err(failed(format!("cannot write a blob to {}", self.name), error)),
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, reference: &str) -> Result<(), DestinationError> {
        let attempt = || format!("cannot put the manifest of {reference} into {}", self.name);
        let parsed = Parsed::of(manifest).map_err(|error| failed(attempt(), error))?;
        self.check_blobs(&parsed, attempt).await?;
        let tag = match reference.parse::<Digest>() {
            Ok(digest) if digest == manifest.digest => None,
            Ok(_) => return Err(failed(attempt(), format!("its digest is {}", manifest.digest))),
            Err(_) => Some(reference),
        };
        self.put_small(manifest).await?;
        match tag {
            // Named by an index, which names it for others.
            None => Ok(()),
            Some(tag) => self.add(describe(manifest), Some(tag)).await,
        }
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, DestinationError> {
        let subject = *subject;
        let work = move |folder: &Folder| referrers(folder, &subject);
        self.run("tell what is attached to an image in", work).await
    }

    async fn put_referrer(&self, _: &Descriptor, manifest: &Manifest) -> Result<(), DestinationError> {
        let attempt = || format!("cannot attach a manifest to an image in {}", self.name);
        let parsed = Parsed::of(manifest).map_err(|error| failed(attempt(), error))?;
        let mut descriptor = describe(manifest);
        if let Parsed::Image(image) = &parsed {
            descriptor.annotations.clone_from(&image.annotations);
            let kind = image.artifact_type.as_ref().unwrap_or(&image.config.media_type);
            descriptor.artifact_type = Some(kind.clone());
        }
        self.check_blobs(&parsed, attempt).await?;
        self.put_small(manifest).await?;
        self.add(descriptor, None).await
    }

    async fn finish(&self) -> Result<(), DestinationError> {
        Ok(())
    }
}
