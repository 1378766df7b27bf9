//! Pins: names that keep paths of a binary cache.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_nix::store_path::StorePath;

use crate::Result;
use crate::ids::{CacheId, Timestamp};

/// A named path that retention spares, with all that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its name.
    pub name: String,
    /// The path; nothing says that the cache has it.
    pub path: StorePath,
    /// When it was pinned.
    pub created: Timestamp,
    /// When the pin ends by itself.
    pub expires: Option<Timestamp>,
}

/// Pins.
#[async_trait]
pub trait Pins {
    /// Pins a path for this long, or for good. A pin of the same name is replaced.
    async fn pin(
        &self,
        cache: CacheId,
        name: &str,
        path: &StorePath,
        expires: Option<Duration>,
    ) -> Result<()>;

    /// Removes a pin. False when there was none.
    async fn unpin(&self, cache: CacheId, name: &str) -> Result<bool>;

    /// The cache's pins by name; those that have expired are gone.
    async fn pins(&self, cache: CacheId) -> Result<Vec<Pin>>;
}
