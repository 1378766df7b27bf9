//! What is known of layers of images.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::ids::{CacheId, Timestamp};

/// Says what a layer is made of.
pub type LayerKey = [u8; 32];

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerCompression {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
}

/// What a layer came to, as who pushed it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is made of.
    pub key: LayerKey,
    /// The SHA-256 of its tar.
    pub diff_id: [u8; 32],
    /// Bytes of its tar, where they are known.
    pub diff_size: Option<u64>,
    /// The SHA-256 of its blob.
    pub digest: [u8; 32],
    /// Bytes of its blob.
    pub size: u64,
    /// How the tar became the blob.
    pub compression: LayerCompression,
}

/// A layer that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownLayer {
    /// What it came to.
    pub layer: Layer,
    /// When it was last noted or used, as far as that has been written.
    pub used: Timestamp,
}

/// Layers, each of a cache and a view.
#[async_trait]
pub trait Layers {
    /// Notes what layers came to, in the place of what the view has under the same keys; of two with one key the last
    /// counts. Where the cache then has more than `most`, the longest unused go: those of other views before those of the
    /// view of no name, so that nobody can push out what he may not replace.
    async fn keep_layers(&self, cache: CacheId, view: &str, layers: &[Layer], most: u64) -> Result<()>;

    /// Those of these layers that are known, in no order; of a key that several views have, the first's. One statement.
    async fn layers(&self, cache: CacheId, views: &[String], keys: &[LayerKey]) -> Result<Vec<KnownLayer>>;

    /// Notes that layers were used, in all of these views.
    async fn touch_layers(&self, cache: CacheId, views: &[String], keys: &[LayerKey]) -> Result<()>;

    /// Forgets the cache's layers that were last used at least `idle` ago. Returns how many. One statement.
    async fn sweep_layers(&self, cache: CacheId, idle: Duration) -> Result<u64>;
}
