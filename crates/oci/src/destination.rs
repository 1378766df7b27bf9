//! Where images go: a registry, a folder or an archive.

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::compression::Compression;
use crate::descriptor::Descriptor;
use crate::digest::Digest;

/// Why a destination did not do what it was asked for. The sources tell the rest; `hint` what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}")]
pub struct DestinationError {
    /// What was attempted, on what: "cannot push a layer to ghcr.io/owner/image".
    pub attempt: String,
    /// Whether the manifest was refused because these of its blobs are not there.
    pub missing: Vec<Digest>,
    /// Whether the manifest was refused because blobs of it are not there, be they named or not.
    pub refused_blobs: bool,
    /// What to do next.
    pub hint: Option<String>,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Why a blob's bytes cannot be had.
pub type BlobError = Box<dyn Error + Send + Sync>;

/// The next thing of a blob.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes, at most 1 MiB.
    Data(Bytes),
    /// The end, and what the whole blob came to, from its first byte on.
    End {
        /// Its digest.
        digest: Digest,
        /// Its bytes.
        size: u64,
    },
}

/// A blob's bytes and then its [`Piece::End`]. Dropping it ends the work behind it.
pub type Pieces = BoxStream<'static, Result<Piece, BlobError>>;

/// A blob that can be made any number of times, always the same.
pub trait Blob: Send + Sync {
    /// Its digest and size, where they are known before it is made.
    fn known(&self) -> Option<(Digest, u64)>;

    /// Its bytes from `offset` on, made anew.
    fn open(&self, offset: u64) -> Pieces;
}

/// What a manifest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: String,
    /// Its bytes; at most 4 MiB.
    pub bytes: Bytes,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// How a mount went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The blob is there now.
    Yes,
    /// It is not, for whatever reason; it has to be sent.
    No,
}

/// Where images go. Everything that can be tried again is, within it.
#[async_trait]
pub trait Destination: Send + Sync {
    /// What it is called in what is printed: `ghcr.io/owner/image`.
    fn name(&self) -> String;

    /// How layers that are made for it may be compressed, the best first.
    fn compressions(&self) -> &[Compression] {
        &[Compression::Zstd, Compression::Gzip, Compression::None]
    }

    /// The digest and the media type of what a tag, or a digest, names; a cheap question.
    async fn resolve(&self, reference: &str) -> Result<Option<Descriptor>, DestinationError>;

    /// Tags that are there, in the order in which they are listed, whichever that is, and not always all; none where they
    /// cannot be told.
    async fn tags(&self) -> Vec<String> {
        Vec::new()
    }

    /// The manifest that a tag, or a digest, names.
    async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, DestinationError>;

    /// A small blob, of at most `most` bytes, checked by its digest.
    async fn blob(&self, digest: &Digest, most: u64) -> Result<Option<Bytes>, DestinationError>;

    /// The bytes that a blob has, if it is there.
    async fn has(&self, digest: &Digest) -> Result<Option<u64>, DestinationError>;

    /// Has a blob of another repository of the same registry taken over.
    async fn mount(&self, digest: &Digest, from: &str) -> Result<Mounted, DestinationError>;

    /// Sends a blob; says what it came to.
    async fn put(&self, blob: &dyn Blob) -> Result<(Digest, u64), DestinationError>;

    /// Puts a manifest under a tag or its digest. Where blobs of it are not there, the error names them, if it can be told.
    async fn put_manifest(&self, manifest: &Manifest, reference: &str) -> Result<(), DestinationError>;

    /// What is attached to a manifest, as far as the destination tells: not always all of it, and nothing where it keeps no such.
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, DestinationError>;

    /// Attaches a manifest that has a subject, where the destination keeps such.
    async fn put_referrer(&self, subject: &Descriptor, manifest: &Manifest) -> Result<(), DestinationError>;

    /// Makes everything that was put durable; what was put before it may not be seen.
    async fn finish(&self) -> Result<(), DestinationError>;
}
