//! Uploads: reservations under a lease, and the blocks that have arrived under them.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::ObjectHash;

use crate::Result;
use crate::ids::{EntryId, RepoId, Timestamp, UploadId};

/// What a saved archive is found by, inside a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The git ref it is saved under.
    pub scope: String,
    /// The key, in the case in which it came; at most 2048 bytes.
    pub key: String,
    /// The client's version text, opaque.
    pub version: String,
}

/// What the uploader does with the bytes when it gets them back, and so what may be done with them here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It unpacks them as an archive and never compares them: the archive may be compressed anew.
    Archive,
    /// Nothing is known: they must come back bit for bit.
    Opaque,
}

/// The answer to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is the caller's.
    Granted(UploadId),
    /// An entry with this slot is there already.
    Exists(EntryId),
    /// Another upload holds the slot, and its lease has not run out.
    Busy,
}

/// An upload under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its row.
    pub id: UploadId,
    /// Whose it is.
    pub repo: RepoId,
    /// What it will be found by.
    pub slot: Slot,
    /// When it was reserved.
    pub created: Timestamp,
}

/// An object that holds a run of the upload's bytes. The object is durable before its block is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The client's id for it, or one made up by the protocol.
    pub id: Vec<u8>,
    /// Where its first byte lies in the archive, where the protocol says so (v1).
    pub position: Option<u64>,
    /// The object's name in the bucket.
    pub object: String,
    /// Bytes.
    pub size: u64,
    /// The object's hash.
    pub hash: ObjectHash,
}

/// The answer to a change of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was done.
    Done,
    /// The upload does not exist: never reserved, finalized, or its lease ran out.
    Gone,
    /// The list names a block that was never sent.
    UnknownBlock(Vec<u8>),
}

/// The answer to a finalize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finalized {
    /// The entry is visible.
    Entry(EntryId),
    /// The committed blocks do not add up to the size that was said.
    SizeMismatch {
        /// What they add up to.
        committed: u64,
    },
    /// Nothing was committed: no Put Blob, no Block List, no append.
    Nothing,
    /// No upload holds this slot, and no entry has it.
    Unknown,
    /// An entry with this slot is there already.
    Exists(EntryId),
}

/// Reservations and their blocks. An upload whose lease ran out counts as gone for every method.
///
/// The *content* of an upload is an ordered list of its blocks; only blocks in it become part of the entry.
#[async_trait]
pub trait Uploads {
    /// Reserves `slot`, taking it over from an upload whose lease ran out.
    async fn reserve(&self, repo: RepoId, slot: &Slot, form: Form, lease: Duration) -> Result<Reserved>;

    /// How many uploads the repository began in the last `window`, finalized ones included. At most a day of
    /// them is remembered.
    async fn begun_since(&self, repo: RepoId, window: Duration) -> Result<u64>;

    /// The upload of this number.
    async fn upload(&self, id: UploadId) -> Result<Option<Upload>>;

    /// The upload that holds `slot`.
    async fn find_upload(&self, repo: RepoId, slot: &Slot) -> Result<Option<Upload>>;

    /// Lets the lease run `lease` from now. False when the upload is gone.
    async fn extend(&self, id: UploadId, lease: Duration) -> Result<bool>;

    /// Records a block that is not yet part of the content; one of the same id is replaced, its object
    /// doomed unless the content still holds it. Extends the lease.
    async fn add_block(&self, id: UploadId, block: &Block, lease: Duration) -> Result<Changed>;

    /// Replaces the content by these blocks in this order, named by id: of an id that was sent again, the newest.
    async fn commit_blocks(&self, id: UploadId, ids: &[Vec<u8>], lease: Duration) -> Result<Changed>;

    /// Replaces the content, and all blocks, by this one block, or by nothing.
    async fn replace_content(&self, id: UploadId, block: Option<&Block>, lease: Duration) -> Result<Changed>;

    /// Adds a block to the end of the content.
    async fn append(&self, id: UploadId, block: &Block, lease: Duration) -> Result<Changed>;

    /// Every block that was recorded, by position and then in the order of arrival.
    async fn blocks(&self, id: UploadId) -> Result<Vec<Block>>;

    /// Makes the upload an entry with a raw representation of its content, enqueues a `recode` job for that
    /// representation, dooms blocks that are not part of the content, and ends the upload: one transaction.
    /// The representation's ETag is the BLAKE3 of the content's block hashes and sizes in order.
    async fn finalize(&self, repo: RepoId, slot: &Slot, size: u64) -> Result<Finalized>;

    /// Ends the upload and dooms its objects. False when it was gone.
    async fn abandon(&self, id: UploadId) -> Result<bool>;

    /// Abandons uploads whose lease ran out, at most `limit`. Returns how many.
    async fn sweep_uploads(&self, limit: u64) -> Result<u64>;
}
