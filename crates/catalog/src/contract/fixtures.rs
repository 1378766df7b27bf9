//! Things that most of the suite needs.

use std::time::Duration;

use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash, PackId};
use snowbank_cas::recipe::{FrameRef, RecipePage};

use crate::Catalog;
use crate::ids::{DomainId, EntryId, RecipeId, RepoId, RepresentationId, UploadId};
use crate::rooms::{
    Block, Changed, Claim, Finalized, Form, JobKind, PageAdded, Recoded, Reserved, Slot, Source, Why,
};

/// A lease long enough for any test.
pub(super) const LEASE: Duration = Duration::from_secs(600);
/// Why what a test deletes goes.
pub(super) const GONE: Why<'_> = Why::Deleted { by: "a test" };
/// What makes it run out.
pub(super) const LATER: Duration = Duration::from_secs(601);

pub(super) async fn repo(catalog: &dyn Catalog) -> RepoId {
    catalog.repository("owner/name", "owner").await.unwrap().id
}

pub(super) async fn domain(catalog: &dyn Catalog) -> DomainId {
    catalog.repository("owner/name", "owner").await.unwrap().domain
}

pub(super) fn slot(key: &str) -> Slot {
    Slot { scope: "refs/heads/main".to_owned(), key: key.to_owned(), version: "v1".to_owned() }
}

pub(super) fn block(id: &str, object: &str, size: u64) -> Block {
    Block {
        id: id.as_bytes().to_vec(),
        position: None,
        object: object.to_owned(),
        size,
        hash: ObjectHash::of(object.as_bytes()),
    }
}

pub(super) async fn granted(catalog: &dyn Catalog, repo: RepoId, slot: &Slot) -> UploadId {
    match catalog.reserve(repo, slot, Form::Archive, LEASE).await.unwrap() {
        Reserved::Granted(id) => id,
        other => panic!("the slot was not granted: {other:?}"),
    }
}

/// An entry of one block of ten bytes.
pub(super) async fn save(catalog: &dyn Catalog, repo: RepoId, slot: &Slot) -> EntryId {
    save_sized(catalog, repo, slot, 10).await
}

pub(super) async fn save_sized(catalog: &dyn Catalog, repo: RepoId, slot: &Slot, size: u64) -> EntryId {
    let upload = granted(catalog, repo, slot).await;
    let block = block("one", &format!("uploads/{upload}/one"), size);
    assert_eq!(catalog.replace_content(upload, Some(&block), LEASE).await.unwrap(), Changed::Done);
    match catalog.finalize(repo, slot, size).await.unwrap() {
        Finalized::Entry(entry) => entry,
        other => panic!("the upload was not finalized: {other:?}"),
    }
}

pub(super) async fn raw_of(catalog: &dyn Catalog, entry: EntryId) -> RepresentationId {
    catalog.current(entry).await.unwrap().expect("a visible entry has a form").id
}

/// The names of all doomed objects.
pub(super) async fn doomed(catalog: &dyn Catalog) -> Vec<String> {
    let mut objects: Vec<String> =
        catalog.doomed(100_000).await.unwrap().into_iter().map(|doomed| doomed.object).collect();
    objects.sort();
    objects
}

pub(super) fn chunk(number: u32) -> ChunkHash {
    ChunkHash::of(&number.to_le_bytes())
}

/// The frame of chunk `number`, 100 raw and 50 stored bytes, at `place` in `pack`.
pub(super) fn frame(number: u32, pack: PackId, place: u32) -> FrameRef {
    FrameRef {
        chunk: chunk(number),
        frame: FrameHash::of(&number.to_be_bytes()),
        raw_len: 100,
        stored_len: 50,
        pack,
        offset: place * 50,
    }
}

pub(super) fn frames(chunks: impl IntoIterator<Item = u32>, pack: PackId) -> Vec<FrameRef> {
    chunks.into_iter().enumerate().map(|(place, number)| frame(number, pack, place as u32)).collect()
}

/// A stored pack of these chunks, under a lease.
pub(super) async fn store(
    catalog: &dyn Catalog,
    domain: DomainId,
    chunks: impl IntoIterator<Item = u32> + Send,
) -> PackId {
    let pack = catalog.begin_pack(domain, LEASE).await.unwrap();
    let frames = frames(chunks, pack);
    let hash = ObjectHash::of(&pack.0.to_le_bytes());
    assert!(catalog.pack_stored(pack, hash, 1000, &frames).await.unwrap());
    pack
}

/// Page `number` of a recipe whose pages all have as many frames as this one.
pub(super) fn page(number: u32, frames: Vec<FrameRef>) -> RecipePage {
    let before = u64::from(number) * frames.len() as u64;
    RecipePage { raw_start: before * 100, stored_start: before * 50, frames }
}

/// A recipe under construction of one page that names these packs.
pub(super) async fn recipe(catalog: &dyn Catalog, domain: DomainId, packs: &[PackId]) -> RecipeId {
    let recipe = catalog.begin_recipe(domain, LEASE).await.unwrap();
    let frames = packs.iter().map(|pack| frame(pack.0 as u32, *pack, 0)).collect();
    assert_eq!(catalog.add_page(recipe, 0, &page(0, frames), LEASE).await.unwrap(), PageAdded::Done);
    recipe
}

/// The recode job of this representation.
pub(super) async fn claim_of(catalog: &dyn Catalog, raw: RepresentationId) -> Claim {
    let claim = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap().expect("a job waits");
    assert_eq!(claim.subject, raw.0, "it is the only one");
    claim
}

pub(super) fn recoded(source: Source) -> Recoded {
    Recoded { source, size: 50, etag: ObjectHash::of(format!("{source:?}").as_bytes()), added: 20 }
}

/// An entry that is served from a recipe over these packs.
pub(super) async fn recoded_entry(
    catalog: &dyn Catalog,
    repo: RepoId,
    key: &str,
    packs: &[PackId],
) -> (EntryId, RecipeId) {
    let entry = save(catalog, repo, &slot(key)).await;
    let raw = raw_of(catalog, entry).await;
    let domain = catalog.domain_of(raw).await.unwrap().unwrap();
    let recipe = recipe(catalog, domain, packs).await;
    let claim = claim_of(catalog, raw).await;
    assert!(catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap());
    (entry, recipe)
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64, by its published constants.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}
