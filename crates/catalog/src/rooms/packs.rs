//! Packs and the chunk index.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::{ChunkHash, ObjectHash, PackId};
use snowbank_cas::recipe::FrameRef;

use crate::Result;
use crate::ids::{DomainId, EntryId};

/// A pack as the catalog knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Its number, part of its object's name.
    pub id: PackId,
    /// Who shares it.
    pub domain: DomainId,
    /// The object's hash.
    pub hash: ObjectHash,
    /// Bytes of the object.
    pub size: u64,
    /// Whether collection has condemned it.
    pub condemned: bool,
}

/// Packs: `writing` under a lease, then `live`, then `condemned`, then gone. Only live packs are found by
/// look-ups and accepted in recipes.
#[async_trait]
pub trait Packs {
    /// A number for a pack about to be written, kept for `lease`.
    async fn begin_pack(&self, domain: DomainId, lease: Duration) -> Result<PackId>;

    /// The pack's object is durable: it is live, protected until its lease from [`Packs::begin_pack`] runs
    /// out or a recipe names it, and its frames are indexed, a newer place replacing an older one. One bulk
    /// statement. False when its lease had run out and it was swept.
    async fn pack_stored(&self, id: PackId, hash: ObjectHash, size: u64, frames: &[FrameRef])
    -> Result<bool>;

    /// Where these chunks lie, in the order asked, in live packs of the domain.
    async fn find_chunks(&self, domain: DomainId, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>>;

    /// Takes chunks out of the index, so that the next upload that brings them stores them anew; only rows
    /// that still point at `pack`.
    async fn forget_chunks(&self, pack: PackId, chunks: &[ChunkHash]) -> Result<()>;

    /// Replaces all index rows of a live pack by these: what `check --repair` read in its footer.
    async fn reindex(&self, pack: PackId, frames: &[FrameRef]) -> Result<()>;

    /// The pack of this number, whatever its state but `writing`.
    async fn pack(&self, id: PackId) -> Result<Option<Pack>>;

    /// Live and condemned packs after `after`, by number.
    async fn packs(&self, after: Option<PackId>, limit: u64) -> Result<Vec<Pack>>;

    /// Live packs that no recipe page and no representation names and whose lease has run out.
    async fn unreachable_packs(&self) -> Result<Vec<Pack>>;

    /// Condemns those of these packs that are still unreachable, and takes their chunks out of the index:
    /// one transaction. Returns those that it condemned.
    async fn condemn(&self, packs: &[PackId]) -> Result<Vec<PackId>>;

    /// Packs condemned at least `grace` ago that are still unreachable.
    async fn condemned_since(&self, grace: Duration) -> Result<Vec<Pack>>;

    /// Forgets a condemned or abandoned pack whose object was deleted.
    async fn forget_pack(&self, id: PackId) -> Result<()>;

    /// Numbers begun whose lease ran out before they were stored: their objects, if any, are to be deleted,
    /// then [`Packs::forget_pack`]. From this answer on, [`Packs::pack_stored`] refuses them.
    async fn abandoned_packs(&self) -> Result<Vec<PackId>>;

    /// Of these numbers, those that have no row at all.
    async fn unknown_packs(&self, ids: &[PackId]) -> Result<Vec<PackId>>;

    /// For each entry: the packs that its representation names, with their sizes.
    async fn packs_of(&self, entry: EntryId) -> Result<Vec<(PackId, u64)>>;

    /// For each of these packs, how many recipes and representations name it.
    async fn referrers(&self, packs: &[PackId]) -> Result<Vec<u64>>;

    /// Bytes of all packs that have not been forgotten.
    async fn pack_bytes(&self) -> Result<u64>;

    /// Bytes of the packs that visible entries, NARs and files of binary caches name: the others go by themselves, or are
    /// being made.
    async fn shown_pack_bytes(&self) -> Result<u64>;
}
