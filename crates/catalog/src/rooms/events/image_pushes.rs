//! Image pushes, as their clients tell of them.

use async_trait::async_trait;

use super::EventFilter;
use crate::Result;
use crate::ids::{RepoId, Timestamp};

/// What an image push came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImagePush {
    /// Where to, as in `ghcr.io/acme/app`. Texts are cut to [`super::MAX_NOTED_TEXT`] as they are noted.
    pub destination: String,
    /// The tag.
    pub tag: String,
    /// The manifest's digest, as in `sha256:...`.
    pub digest: String,
    /// Layers that the registry had.
    pub layers_reused: u64,
    /// Layers that were sent.
    pub layers_sent: u64,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// Bytes of all layers.
    pub bytes_total: u64,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Whose an image push is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pusher {
    /// A repository's job.
    Repository(RepoId),
    /// Somebody with a token for this binary cache.
    Cache(String),
}

/// An image push that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePush {
    /// Its number: later ones have larger numbers.
    pub id: i64,
    /// `owner/name`, where a repository's job told of it.
    pub repository: Option<String>,
    /// The binary cache by whose token it was told.
    pub cache: Option<String>,
    /// When it was told.
    pub moment: Timestamp,
    /// What it came to.
    pub push: NewImagePush,
}

/// Image pushes.
#[async_trait]
pub trait ImagePushes {
    /// Notes an image push. Of the same repository or cache the newest `most` stay.
    async fn note_image_push(&self, pusher: &Pusher, push: &NewImagePush, most: u64) -> Result<()>;

    /// Image pushes, the latest first. Keys count for nothing: there are none.
    async fn image_pushes(&self, filter: &EventFilter) -> Result<Vec<ImagePush>>;
}
