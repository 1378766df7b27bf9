//! NARs: kept once for a domain, and staged until a path names them.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_nix::hash::{Digest, NarHash};

use crate::Result;
use crate::ids::{CacheId, NarId, RecipeId};
use crate::rooms::NarPlace;

/// The place that a NAR waits in until a path names it. It is nobody's but its pusher's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The cache that it was sent to.
    pub cache: CacheId,
    /// The view that its path is to be published in.
    pub view: String,
    /// Who sent it.
    pub pusher: String,
    /// The name under which it was sent, such as `<file hash>.nar.xz`.
    pub name: String,
}

/// A NAR that was made a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNar {
    /// Its recipe, under construction.
    pub recipe: RecipeId,
    /// Its hash.
    pub hash: NarHash,
    /// Bytes of the NAR.
    pub size: u64,
    /// Bytes of its frames.
    pub stored: u64,
    /// Which store paths it mentions, in a form that only the service knows.
    pub mentions: Option<Vec<u8>>,
}

/// The file as which a NAR was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NarFile {
    /// The file's hash.
    pub hash: Digest,
    /// Its bytes.
    pub size: u64,
}

/// A NAR as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNar {
    /// Its row.
    pub id: NarId,
    /// Its recipe, served as frames.
    pub recipe: RecipeId,
    /// Its hash.
    pub hash: NarHash,
    /// Bytes of the NAR.
    pub size: u64,
    /// Bytes of its frames.
    pub stored: u64,
    /// Which store paths it mentions, in a form that only the service knows; `None` where nobody looked.
    pub mentions: Option<Vec<u8>>,
}

/// The answer to a NAR that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptNar {
    /// It is kept, and its recipe is permanent.
    New(StoredNar),
    /// The domain had it already: that one is staged, and the new recipe is gone.
    Known(StoredNar),
    /// The recipe's lease ran out and it was swept. Nothing has changed.
    Gone,
}

/// A NAR that waits for its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The NAR.
    pub nar: StoredNar,
    /// The file that was sent, where one was.
    pub file: Option<NarFile>,
}

/// NARs. One is reachable by the paths that name it and, under a lease, by the stages it waits in; [`Nars::sweep_nars`]
/// takes the others. A caller proves its right to read by the views that it names.
#[async_trait]
pub trait Nars {
    /// Keeps a NAR and stages it for `lease`, replacing what was staged there: one transaction. Paths of the stage's cache
    /// and view that wait for this NAR have it from then on.
    async fn keep_nar(
        &self,
        stage: &Stage,
        new: &NewNar,
        file: Option<NarFile>,
        lease: Duration,
    ) -> Result<KeptNar>;

    /// Stages a NAR that a path of the stage's cache in one of `views` has. `None` when there is no such.
    async fn stage_known(
        &self,
        stage: &Stage,
        views: &[String],
        hash: &NarHash,
        lease: Duration,
    ) -> Result<Option<StoredNar>>;

    /// What waits there, if its lease runs.
    async fn staged(&self, stage: &Stage) -> Result<Option<Staged>>;

    /// What waits under these names, each with its name, in no order. One statement.
    async fn staged_many(
        &self,
        cache: CacheId,
        view: &str,
        pusher: &str,
        names: &[String],
    ) -> Result<Vec<(String, Staged)>>;

    /// Lets the leases of all that a pusher has staged run from now; those that ran out are past it, and none is
    /// shortened. Returns how many there are.
    async fn extend_staged(&self, cache: CacheId, view: &str, pusher: &str, lease: Duration) -> Result<u64>;

    /// The NAR of this hash, if a path of the cache in one of `views` has it. One statement.
    async fn nar(&self, cache: CacheId, views: &[String], hash: &NarHash) -> Result<Option<StoredNar>>;

    /// Those of these NARs that paths of the cache in one of `views` have, in no order. One statement.
    async fn nars(&self, cache: CacheId, views: &[String], hashes: &[NarHash]) -> Result<Vec<StoredNar>>;
    /// Where those of these NARs are that a path of the cache in one of `views` has, in no order. One statement.
    async fn nar_places(
        &self,
        cache: CacheId,
        views: &[String],
        hashes: &[NarHash],
    ) -> Result<Vec<(NarHash, NarPlace)>>;

    /// NARs of all domains after `after`, by number.
    async fn walk_nars(&self, after: Option<NarId>, limit: u64) -> Result<Vec<StoredNar>>;

    /// Takes a damaged NAR away: paths that came from an upstream cache wait for it again, all others that have it go, and
    /// so does what is staged of it. Returns how many paths went.
    async fn lose_nar(&self, nar: NarId) -> Result<u64>;

    /// Deletes staged rows whose lease ran out, and of the NARs that lost a name those that have none left, at most
    /// `limit` of either. Their recipes are swept an hour later, for downloads under way read them page by page. Returns how
    /// many rows it dealt with; 0 when there was nothing to do.
    async fn sweep_nars(&self, limit: u64) -> Result<u64>;

    /// Those of these recipes that a NAR or a file of a binary cache is served from, by rising number.
    async fn recipes_of_caches(&self, recipes: &[RecipeId]) -> Result<Vec<RecipeId>>;
}
