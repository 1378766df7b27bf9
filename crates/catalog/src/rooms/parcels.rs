//! Parcels: packs as somebody has pushed them, while NARs may be made of their frames.

use async_trait::async_trait;
use snowbank_cas::id::ObjectHash;

use crate::Result;
use crate::ids::{CacheId, RecipeId};

/// Who sent a parcel, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The cache.
    pub cache: CacheId,
    /// The view that is pushed to.
    pub view: &'a str,
    /// Who pushes.
    pub pusher: &'a str,
}

/// A pack that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The pack's hash, as it was sent.
    pub hash: ObjectHash,
    /// Its frames, in its order, wherever they lie now: a recipe under construction.
    pub recipe: RecipeId,
}

/// Parcels. One is its sender's alone, and lasts as long as the lease of its recipe: the sweep of that takes it along.
#[async_trait]
pub trait Parcels {
    /// Notes that a recipe under construction is a parcel's frames, in the place of an older one of the same hash. False
    /// when the recipe was swept or is not of the cache's domain.
    async fn keep_parcel(&self, from: Sender<'_>, hash: &ObjectHash, recipe: RecipeId) -> Result<bool>;

    /// The sender's parcels whose lease runs, the newest first, at most so many. One statement.
    async fn parcels(&self, from: Sender<'_>, limit: u64) -> Result<Vec<Parcel>>;

    /// Those of these parcels that the sender has, in no order. One statement.
    async fn find_parcels(&self, from: Sender<'_>, hashes: &[ObjectHash]) -> Result<Vec<Parcel>>;
}
