//! Representations: the immutable forms in which an entry's bytes can be fetched, and objects that are to go.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::{ObjectHash, PackId};

use super::Form;
use crate::Result;
use crate::ids::{DomainId, EntryId, RecipeId, RepoId, RepresentationId, Timestamp};

/// Where a representation's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The uploaded blocks, one after the other.
    Raw,
    /// A recipe's frames as they are stored: a zstd stream.
    Frames(RecipeId),
    /// A recipe's chunks, decompressed: what came, bit for bit.
    Chunks(RecipeId),
    /// A whole pack as it is stored.
    Pack(PackId),
}

/// One immutable form of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    /// Its row, part of every download URL.
    pub id: RepresentationId,
    /// The entry that it was made for, while that is visible and this is its current form.
    pub entry: Option<EntryId>,
    /// The repository of that entry.
    pub repo: RepoId,
    /// Where its bytes come from.
    pub source: Source,
    /// What the uploader said of them, as the upload was reserved.
    pub form: Form,
    /// Bytes, as served.
    pub size: u64,
    /// A hash that tells it from every other representation, sent as its ETag.
    pub etag: ObjectHash,
    /// Until when it is kept although nothing shows it any more.
    pub held_until: Timestamp,
}

/// One uploaded block of a raw representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The object's name.
    pub object: String,
    /// Bytes.
    pub size: u64,
    /// The object's hash.
    pub hash: ObjectHash,
}

/// The form that a recode job made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recoded {
    /// Where its bytes come from.
    pub source: Source,
    /// Bytes, as served.
    pub size: u64,
    /// Its ETag.
    pub etag: ObjectHash,
    /// Bytes that were not stored before.
    pub added: u64,
}

/// An object that nothing names any more, to be deleted from the bucket and then forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// The row.
    pub id: i64,
    /// The object's name.
    pub object: String,
}

/// Representations and doomed objects.
#[async_trait]
pub trait Representations {
    /// The representation of this number, retired ones included while they are held.
    async fn representation(&self, id: RepresentationId) -> Result<Option<Representation>>;

    /// The form in which an entry is served today.
    async fn current(&self, entry: EntryId) -> Result<Option<Representation>>;

    /// The visible entries that are served from one of these recipes, each with its recipe.
    async fn served_from(&self, recipes: &[RecipeId]) -> Result<Vec<(RecipeId, EntryId)>>;

    /// The visible entries that are one of these packs as it lies, each with its pack.
    async fn served_whole(&self, packs: &[PackId]) -> Result<Vec<(PackId, EntryId)>>;

    /// The domain of the repository that owns it, for ingest.
    async fn domain_of(&self, id: RepresentationId) -> Result<Option<DomainId>>;

    /// The uploaded blocks of a raw representation in order.
    async fn segments(&self, id: RepresentationId) -> Result<Vec<Segment>>;

    /// Keeps it for at least `span` from now although its entry may go; never shortens. Returns until when.
    /// `None` when it is gone. What is held long enough already is not written again, and a hold is up to ten
    /// minutes longer than asked, so that most of many downloads cost a read.
    async fn hold(&self, id: RepresentationId, span: Duration) -> Result<Option<Timestamp>>;

    /// Deletes representations that are retired and no longer held, at most `limit`: their recipes go with
    /// them, their blocks' objects are doomed. Returns how many.
    async fn sweep_retired(&self, limit: u64) -> Result<u64>;

    /// Objects waiting to be deleted.
    async fn doomed(&self, limit: u64) -> Result<Vec<Doomed>>;

    /// Forgets objects that were deleted.
    async fn forget_doomed(&self, ids: &[i64]) -> Result<()>;

    /// Of these objects, those that no upload (whose lease runs), no representation and no doomed row names.
    /// Uploaded blocks are named `uploads/<upload id>/...`; one whose upload still runs counts as named.
    async fn unnamed_blocks(&self, objects: &[String]) -> Result<Vec<String>>;

    /// Bytes of all uploaded blocks, recorded and not yet deleted.
    async fn raw_bytes(&self) -> Result<u64>;

    /// The same without what goes by itself: blocks of retired representations and doomed objects.
    async fn staying_bytes(&self) -> Result<u64>;
}
