//! A catalog that is asked through a gate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::{ChunkHash, ObjectHash, PackId};
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::ids::{
    CacheId, DomainId, EntryId, NarId, PathId, RecipeId, RepoId, RepresentationId, Timestamp, UploadId,
};
use snowbank_catalog::rooms::{
    Block, Browse, Cache, CacheFile, CacheUsage, Caches, Changed, Claim, Counts, Day, Doomed, Entries, Entry,
    EventFilter, Events, Fate, Figures, Files, Finalized, Form, HashPart, Hit, Holdings, ImagePush,
    ImagePushes, Inventory, JobKind, Jobs, Keep, KeptNar, KnownLayer, Layer, LayerKey, Layers, LimitChange,
    Limits, Listed, ListedRepositories, ListedToken, Listing, Lookup, Lookups, Measure, NarFile, NarPlace,
    Nars, Nearby, NewImagePush, NewLookup, NewNar, NewPath, NewSample, NewToken, NumberedPage, Outcome, Pack,
    Packs, PageAdded, Parcel, Parcels, Path, PathRow, Paths, Pin, Pins, Publication, Published, Pusher,
    Queue, Recipes, Recoded, Removal, Removals, Repositories, Repository, RepositoryListing, Representation,
    Representations, Reserved, Restores, Sample, Save, Saves, Segment, Sender, SetLimit, Slot, Stage, Staged,
    StoredNar, Tallies, Tally, TokenState, Tokens, Unfinished, Upload, Uploads, Usage, UsageInAll, Why,
};
use snowbank_catalog::{Catalog, Result};
use snowbank_nix::hash::NarHash;
use snowbank_nix::store_path::StorePath;

use super::gate::Gate;

/// The catalog as one actor sees it.
pub(super) struct GatedCatalog {
    pub(super) inner: Arc<dyn Catalog>,
    pub(super) gate: Arc<Gate>,
    pub(super) actor: usize,
}

macro_rules! gated {
    ($($room:ident {
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*
        $(without a gate: $($free:item)+)?
    })*) => { $(
        #[async_trait]
        impl $room for GatedCatalog {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                self.gate.pass(self.actor, stringify!($name), self.inner.$name($($argument),*)).await
            })*
            $($($free)+)?
        }
    )* };
}

gated! {
    Repositories {
        fn repository(name: &str, domain: &str) -> Repository;
        fn find_repository(name: &str) -> Option<Repository>;
        fn repository_name(id: RepoId) -> Option<String>;
        fn holdings(id: RepoId) -> Holdings;
        fn usage(owner: Option<&str>, offset: u64, limit: u64) -> Vec<Usage>;
        fn usage_in_all(owner: Option<&str>) -> UsageInAll;
        fn secret(name: &str, fresh: &[u8]) -> Vec<u8>;
        fn now() -> Timestamp;
        without a gate: async fn close(&self) {
            self.inner.close().await;
        }
    }
    Figures {
        fn probe() -> ();
        fn uploads() -> u64;
        fn oldest_ready(kind: JobKind) -> Option<Duration>;
        fn inventory() -> Inventory;
        without a gate: fn faults(&self) -> u64 {
            self.inner.faults()
        }
    }
    Uploads {
        fn reserve(repo: RepoId, slot: &Slot, form: Form, lease: Duration) -> Reserved;
        fn begun_since(repo: RepoId, window: Duration) -> u64;
        fn upload(id: UploadId) -> Option<Upload>;
        fn find_upload(repo: RepoId, slot: &Slot) -> Option<Upload>;
        fn extend(id: UploadId, lease: Duration) -> bool;
        fn add_block(id: UploadId, block: &Block, lease: Duration) -> Changed;
        fn commit_blocks(id: UploadId, ids: &[Vec<u8>], lease: Duration) -> Changed;
        fn replace_content(id: UploadId, block: Option<&Block>, lease: Duration) -> Changed;
        fn append(id: UploadId, block: &Block, lease: Duration) -> Changed;
        fn blocks(id: UploadId) -> Vec<Block>;
        fn finalize(repo: RepoId, slot: &Slot, size: u64) -> Finalized;
        fn abandon(id: UploadId) -> bool;
        fn sweep_uploads(limit: u64) -> u64;
    }
    Entries {
        fn lookup(repo: RepoId, scopes: &[String], version: &str, keys: &[String]) -> Option<Hit>;
        fn entry(id: EntryId) -> Option<Entry>;
        fn list(listing: &Listing) -> Listed;
        fn touch(entries: &[EntryId]) -> ();
        fn idle(repo: RepoId, idle: Duration, limit: u64) -> Vec<EntryId>;
        fn coldest(repo: Option<RepoId>, skip: u64, limit: u64) -> Vec<Entry>;
        fn delete(entries: &[EntryId], why: Why<'_>) -> u64;
    }
    Representations {
        fn representation(id: RepresentationId) -> Option<Representation>;
        fn current(entry: EntryId) -> Option<Representation>;
        fn served_from(recipes: &[RecipeId]) -> Vec<(RecipeId, EntryId)>;
        fn served_whole(packs: &[PackId]) -> Vec<(PackId, EntryId)>;
        fn domain_of(id: RepresentationId) -> Option<DomainId>;
        fn segments(id: RepresentationId) -> Vec<Segment>;
        fn hold(id: RepresentationId, span: Duration) -> Option<Timestamp>;
        fn sweep_retired(limit: u64) -> u64;
        fn doomed(limit: u64) -> Vec<Doomed>;
        fn forget_doomed(ids: &[i64]) -> ();
        fn unnamed_blocks(objects: &[String]) -> Vec<String>;
        fn raw_bytes() -> u64;
        fn staying_bytes() -> u64;
    }
    Packs {
        fn begin_pack(domain: DomainId, lease: Duration) -> PackId;
        fn pack_stored(id: PackId, hash: ObjectHash, size: u64, frames: &[FrameRef]) -> bool;
        fn find_chunks(domain: DomainId, chunks: &[ChunkHash]) -> Vec<Option<FrameRef>>;
        fn forget_chunks(pack: PackId, chunks: &[ChunkHash]) -> ();
        fn reindex(pack: PackId, frames: &[FrameRef]) -> ();
        fn pack(id: PackId) -> Option<Pack>;
        fn packs(after: Option<PackId>, limit: u64) -> Vec<Pack>;
        fn unreachable_packs() -> Vec<Pack>;
        fn condemn(packs: &[PackId]) -> Vec<PackId>;
        fn condemned_since(grace: Duration) -> Vec<Pack>;
        fn forget_pack(id: PackId) -> ();
        fn abandoned_packs() -> Vec<PackId>;
        fn unknown_packs(ids: &[PackId]) -> Vec<PackId>;
        fn packs_of(entry: EntryId) -> Vec<(PackId, u64)>;
        fn referrers(packs: &[PackId]) -> Vec<u64>;
        fn pack_bytes() -> u64;
        fn shown_pack_bytes() -> u64;
    }
    Recipes {
        fn begin_recipe(domain: DomainId, lease: Duration) -> RecipeId;
        fn add_page(recipe: RecipeId, number: u32, page: &RecipePage, lease: Duration) -> PageAdded;
        fn page(recipe: RecipeId, number: u32) -> Option<NumberedPage>;
        fn page_at(recipe: RecipeId, measure: Measure, offset: u64) -> Option<NumberedPage>;
        fn pages_in(recipes: &[RecipeId], after: Option<(RecipeId, u32)>, limit: u64) -> Vec<NumberedPage>;
        fn pages_of(packs: &[PackId], after: Option<(RecipeId, u32)>, limit: u64) -> Vec<NumberedPage>;
        fn move_frames(pages: &[(NumberedPage, RecipePage)]) -> bool;
        fn sweep_recipes() -> u64;
    }
    Jobs {
        fn ensure_periodic(kind: JobKind) -> ();
        fn hasten(kind: JobKind, subject: i64) -> ();
        fn claim(kinds: &[JobKind], lease: Duration) -> Option<Claim>;
        fn renew(claim: &Claim, lease: Duration) -> bool;
        fn finish(claim: &Claim) -> ();
        fn give_back(claim: &Claim, delay: Duration) -> ();
        fn swap(claim: &Claim, raw: RepresentationId, recoded: &Recoded) -> bool;
        fn queue(kind: JobKind) -> Queue;
    }
    Tokens {
        fn add_token(token: &NewToken<'_>) -> ();
        fn tokens() -> Vec<ListedToken>;
        fn revoke_token(id: &str) -> bool;
        fn token_state(id: &str) -> Option<TokenState>;
    }
    Browse {
        fn repositories(listing: &RepositoryListing) -> ListedRepositories;
        fn last_used(repos: &[RepoId]) -> Vec<(RepoId, Timestamp)>;
        fn newest_paths(cache: CacheId, views: &[String], limit: u64) -> Vec<Path>;
    }

    Caches {
        fn cache(name: &str, domain: &str) -> Cache;
        fn find_cache(name: &str) -> Option<Cache>;
        fn caches() -> Vec<Cache>;
        fn cache_usage(cache: CacheId) -> CacheUsage;
    }
    Nars {
        fn keep_nar(stage: &Stage, new: &NewNar, file: Option<NarFile>, lease: Duration) -> KeptNar;
        fn stage_known(stage: &Stage, views: &[String], hash: &NarHash, lease: Duration) -> Option<StoredNar>;
        fn staged(stage: &Stage) -> Option<Staged>;
        fn staged_many(cache: CacheId, view: &str, pusher: &str, names: &[String]) -> Vec<(String, Staged)>;
        fn extend_staged(cache: CacheId, view: &str, pusher: &str, lease: Duration) -> u64;
        fn nar(cache: CacheId, views: &[String], hash: &NarHash) -> Option<StoredNar>;
        fn nars(cache: CacheId, views: &[String], hashes: &[NarHash]) -> Vec<StoredNar>;
        fn nar_places(cache: CacheId, views: &[String], hashes: &[NarHash]) -> Vec<(NarHash, NarPlace)>;
        fn walk_nars(after: Option<NarId>, limit: u64) -> Vec<StoredNar>;
        fn lose_nar(nar: NarId) -> u64;
        fn sweep_nars(limit: u64) -> u64;
        fn recipes_of_caches(recipes: &[RecipeId]) -> Vec<RecipeId>;
    }
    Paths {
        fn path(cache: CacheId, views: &[String], hash_part: HashPart) -> Option<Path>;
        fn paths(cache: CacheId, views: &[String], hash_parts: &[HashPart]) -> Vec<Path>;
        fn waiting(cache: CacheId, nar: &NarHash) -> Option<Path>;
        fn latest_named(cache: CacheId, views: &[String], names: &[String]) -> Vec<Path>;
        fn publish(publication: &Publication<'_>, paths: &[NewPath]) -> Published;
        fn touch_paths(paths: &[PathId]) -> ();
        fn walk_paths(cache: CacheId, after: Option<PathId>, limit: u64) -> Vec<PathRow>;
        fn delete_paths(paths: &[PathId], unused_since: Option<Timestamp>) -> u64;
    }
    Parcels {
        fn keep_parcel(from: Sender<'_>, hash: &ObjectHash, recipe: RecipeId) -> bool;
        fn parcels(from: Sender<'_>, limit: u64) -> Vec<Parcel>;
        fn find_parcels(from: Sender<'_>, hashes: &[ObjectHash]) -> Vec<Parcel>;
    }
    Layers {
        fn keep_layers(cache: CacheId, view: &str, layers: &[Layer], most: u64) -> ();
        fn layers(cache: CacheId, views: &[String], keys: &[LayerKey]) -> Vec<KnownLayer>;
        fn touch_layers(cache: CacheId, views: &[String], keys: &[LayerKey]) -> ();
        fn sweep_layers(cache: CacheId, idle: Duration) -> u64;
    }
    Limits {
        fn set_limits(changes: &[LimitChange]) -> ();
        without a gate: async fn limits_of(&self, names: &[&str]) -> Result<Vec<SetLimit>> {
            self.inner.limits_of(names).await
        }
        async fn limits(&self) -> Result<Vec<SetLimit>> {
            self.inner.limits().await
        }
    }
    Lookups {
        fn note_lookups(lookups: &[NewLookup]) -> ();
        fn lookups(filter: &EventFilter, outcome: Option<Outcome>) -> Vec<Lookup>;
        fn near(repo: RepoId, keys: &[String]) -> Nearby;
    }
    Removals {
        fn removals(filter: &EventFilter) -> Vec<Removal>;
        fn unfinished(filter: &EventFilter) -> Vec<Unfinished>;
    }
    Saves {
        fn note_parts(snapshot: EntryId, packs: &[EntryId]) -> ();
        fn note_restores(restores: &[Restores]) -> ();
        fn saves(filter: &EventFilter, parts: bool) -> Vec<Save>;
        fn fates(entries: &[EntryId]) -> Vec<Fate>;
    }
    ImagePushes {
        fn note_image_push(pusher: &Pusher, push: &NewImagePush, most: u64) -> ();
        fn image_pushes(filter: &EventFilter) -> Vec<ImagePush>;
    }
    Tallies {
        fn add_counts(tallies: &[Tally]) -> ();
        fn days(repo: Option<RepoId>, days: u64, limit: u64) -> Vec<Day>;
        fn sums_of_days(repos: &[RepoId], days: u64) -> Vec<(RepoId, Counts)>;
        fn note_samples(samples: &[NewSample]) -> ();
        fn samples(repo: Option<RepoId>, limit: u64) -> Vec<Sample>;
    }
    Events {
        fn sweep_events(keep: &Keep, limit: u64) -> u64;
    }
    Pins {
        fn pin(cache: CacheId, name: &str, path: &StorePath, expires: Option<Duration>) -> ();
        fn unpin(cache: CacheId, name: &str) -> bool;
        fn pins(cache: CacheId) -> Vec<Pin>;
    }
    Files {
        fn keep_file(cache: CacheId, view: &str, name: &str, recipe: RecipeId, size: u64) -> bool;
        fn file(cache: CacheId, views: &[String], name: &str) -> Option<CacheFile>;
        fn sweep_files(cache: CacheId, idle: Duration) -> u64;
    }
}
