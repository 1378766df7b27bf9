//! What happened, kept for a while so that people can ask: lookups and what decided them, what went and why, saves,
//! image pushes, counts by day. Nothing that serves a job depends on it.

mod image_pushes;
mod lookups;
mod miss;
mod removals;
mod saves;
mod tallies;

use std::time::Duration;

use async_trait::async_trait;

pub use image_pushes::*;
pub use lookups::*;
pub use miss::*;
pub use removals::*;
pub use saves::*;
pub use tallies::*;

use crate::Result;
use crate::ids::RepoId;

/// Bytes of the longest key that is noted; what is longer is cut.
pub const MAX_NOTED_KEY: usize = 512;
/// Bytes of the longest other text that is noted (a scope, a version, a name); what is longer is cut.
pub const MAX_NOTED_TEXT: usize = 256;

/// Which events, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those of this repository.
    pub repo: Option<RepoId>,
    /// Only keys that begin so. Only with a repository: what a whole server keeps is not searched by key.
    pub key_prefix: Option<String>,
    /// Only those before the event of this number: the next page.
    pub before: Option<i64>,
    /// Events at most.
    pub limit: u64,
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Single events that are older go.
    pub events: Duration,
    /// Of a repository's events of a kind, the newest so many stay.
    pub most: u64,
    /// Counts by day and samples that are older go.
    pub counts: Duration,
}

/// Keeping within bounds.
#[async_trait]
pub trait Events {
    /// Forgets what is too old or too much, at most `limit` rows of each kind by each of the two. Returns how many: to
    /// be called again until there is nothing.
    async fn sweep_events(&self, keep: &Keep, limit: u64) -> Result<u64>;
}

/// The beginning of a text, of `most` bytes or less, at the end of a character.
#[must_use]
pub fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
