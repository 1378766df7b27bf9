//! An archive as a destination.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use super::tape::{Entry, Tape, finished};
use crate::compression::Compression;
use crate::descriptor::Descriptor;
use crate::destination::{Blob, BlobError, Destination, DestinationError, Manifest, Mounted};
use crate::digest::Digest;
use crate::files::{blocking, failed, folder_of, locked_temporary, persist};
use crate::json::go;
use crate::manifest::Parsed;
use crate::spool::spool;

/// An archive that `docker load` reads. It is written under a temporary name in its folder and has its own, in place of what
/// has it, from [`Destination::finish`] on; without that nothing is left, and what a killed process leaves goes when the
/// next one begins an archive there. Blobs are written one after the other, whoever sends
/// them at once; none is held in memory.
pub struct ArchiveDestination {
    file: PathBuf,
    /// What images are called, without a tag.
    image: Option<String>,
    /// None once it is finished.
    tape: Arc<tokio::sync::Mutex<Option<Tape>>>,
    put: Arc<Mutex<Put>>,
}

/// What is in it so far.
#[derive(Default)]
struct Put {
    blobs: BTreeMap<Digest, u64>,
    images: Vec<Image>,
}

/// An entry of `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// What an archive cannot hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArchiveError {
    /// An index.
    #[error("it is an index of several platforms, and an archive for Docker holds images of one")]
    Index,
    /// Nothing was put.
    #[error("no image was put into it")]
    Empty,
    /// An SBOM, or whatever else has a subject.
    #[error("an archive for Docker holds images only, and nothing that is attached to them")]
    Referrer,
    /// Blobs that were not put.
    #[error("{0} of its blobs were not put before it")]
    Missing(usize),
}

fn name_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl ArchiveDestination {
    /// Begins an archive. `image` is what `docker load` is to call the images, without a tag; the tags are those under which
    /// manifests are put.
    ///
    /// # Errors
    /// When no file can be made in the archive's folder.
    pub async fn create(file: &Path, image: Option<&str>) -> Result<Self, DestinationError> {
        let folder = folder_of(file);
        let attempt = || format!("cannot begin the archive {}", file.display());
        let temporary = blocking(attempt, move || locked_temporary(&folder, ".snowbank-archive-")).await?;
        Ok(Self {
            file: file.to_owned(),
            image: image.map(str::to_owned),
            tape: Arc::new(tokio::sync::Mutex::new(Some(Tape::new(temporary)))),
            put: Arc::default(),
        })
    }

    fn put_so_far(&self) -> MutexGuard<'_, Put> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Destination for ArchiveDestination {
    fn name(&self) -> String {
        format!("docker-archive:{}", self.file.display())
    }

    fn compressions(&self) -> &[Compression] {
        &[Compression::None]
    }

    async fn resolve(&self, _: &str) -> Result<Option<Descriptor>, DestinationError> {
        Ok(None)
    }

    async fn manifest(&self, _: &str) -> Result<Option<Manifest>, DestinationError> {
        Ok(None)
    }

    async fn blob(&self, _: &Digest, _: u64) -> Result<Option<Bytes>, DestinationError> {
        Ok(None)
    }

    async fn has(&self, digest: &Digest) -> Result<Option<u64>, DestinationError> {
        Ok(self.put_so_far().blobs.get(digest).copied())
    }

    async fn mount(&self, _: &Digest, _: &str) -> Result<Mounted, DestinationError> {
        Ok(Mounted::No)
    }

    async fn put(&self, blob: &dyn Blob) -> Result<(Digest, u64), DestinationError> {
        let entry = Entry::new(Arc::clone(&self.tape).lock_owned().await);
        let put = Arc::clone(&self.put);
        let finish = move |entry: Entry, digest: Digest, size| {
            // Dropped, it leaves no trace: once is enough.
            if put.lock().unwrap_or_else(PoisonError::into_inner).blobs.contains_key(&digest) {
                return Ok(());
            }
            entry.close(&name_of(&digest))?;
            put.lock().unwrap_or_else(PoisonError::into_inner).blobs.insert(digest, size);
            Ok(())
        };
        match spool(blob.open(0), entry, finish).await {
            Ok((digest, size, ())) => Ok((digest, size)),
            Err(error) => Err(failed(format!("cannot write a blob to {}", self.name()), error)),
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, reference: &str) -> Result<(), DestinationError> {
        let fail = |error: BlobError| failed(format!("cannot put an image into {}", self.name()), error);
        let parsed = Parsed::of(manifest).map_err(|error| fail(error.into()))?;
        let Parsed::Image(image) = &parsed else { return Err(fail(ArchiveError::Index.into())) };
        let mut put = self.put_so_far();
        let missing = parsed.needs().filter(|needed| put.blobs.get(&needed.digest) != Some(&needed.size));
        let missing: Vec<Digest> = missing.map(|needed| needed.digest).collect();
        if !missing.is_empty() {
            let error = fail(ArchiveError::Missing(missing.len()).into());
            return Err(DestinationError { missing, refused_blobs: true, ..error });
        }
        let config = name_of(&image.config.digest);
        let layers: Vec<_> = image.layers.iter().map(|layer| name_of(&layer.digest)).collect();
        let tag = self.image.as_ref().filter(|_| reference.parse::<Digest>().is_err());
        let tag = tag.map(|image| format!("{image}:{reference}"));
        // As in a registry, a tag names what it was put for last.
        put.images.iter_mut().for_each(|one| one.repo_tags.retain(|other| Some(other) != tag.as_ref()));
        match put.images.iter_mut().find(|one| (&one.config, &one.layers) == (&config, &layers)) {
            Some(one) => one.repo_tags.extend(tag),
            None => put.images.push(Image { config, repo_tags: tag.into_iter().collect(), layers }),
        }
        Ok(())
    }

    async fn referrers(&self, _: &Digest) -> Result<Vec<Descriptor>, DestinationError> {
        Ok(Vec::new())
    }

    async fn put_referrer(&self, _: &Descriptor, _: &Manifest) -> Result<(), DestinationError> {
        let attempt = format!("cannot attach a manifest to an image in {}", self.name());
        let hint = Some("push to a registry or to oci:DIR:TAG to keep it".to_owned());
        Err(DestinationError { hint, ..failed(attempt, ArchiveError::Referrer) })
    }

    async fn finish(&self) -> Result<(), DestinationError> {
        let attempt = || format!("cannot finish the archive {}", self.file.display());
        let listed = {
            let put = self.put_so_far();
            if put.images.is_empty() {
                return Err(failed(attempt(), ArchiveError::Empty));
            }
            go::to_vec(&put.images).map_err(|error| failed(attempt(), error))?
        };
        let (mut tape, file) = (Arc::clone(&self.tape).lock_owned().await, self.file.clone());
        blocking(attempt, move || {
            let mut tape = tape.take().ok_or_else(finished)?;
            tape.entry("manifest.json", &listed)?;
            persist(tape.finish()?, &file)
        })
        .await
    }
}
