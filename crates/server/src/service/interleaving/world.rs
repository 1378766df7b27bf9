//! A catalog and a bucket that several actors share, and what must always hold of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use snowbank_actions::scope::Scopes;
use snowbank_cas::bucket::{Bucket, pack_name};
use snowbank_cas::budget::Budget;
use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{
    Entries, JobKind, Jobs, Packs, Protocol, Recipes, Repositories, Representations, Source, Why,
};
use snowbank_catalog::{Catalog, SqliteCatalog};
use tempfile::TempDir;

use super::catalog::GatedCatalog;
use super::gate::Gate;
use super::store::GatedStore;
use crate::service::{Caller, Service, Worker};
use crate::settings::{ByteSize, Chunks, JobSettings, Settings, Span};

/// Longer than any lease, hold or grace.
const LATER: Duration = Duration::from_secs(24 * 3600);
/// What everything is saved under but for its key.
pub(super) const VERSION: &str = "v";

pub(super) struct World {
    pub(super) gate: Arc<Gate>,
    catalog: Arc<SqliteCatalog>,
    store: Arc<InMemory>,
    spool: TempDir,
    grace: Duration,
    /// Sees everything and never waits.
    pub(super) eye: Service,
    /// The service as each actor sees it: a process of its own.
    pub(super) actors: Vec<Service>,
    pub(super) caller: Caller,
}

fn settings(grace: Duration) -> Settings {
    let size = ByteSize;
    Settings {
        chunks: Chunks {
            min: size(64),
            average: size(256),
            max: size(2048),
            file_threshold: size(1024),
            pack: size(64 << 10),
            ..Chunks::default()
        },
        jobs: JobSettings { repack_below: 95, ..JobSettings::default() },
        times: crate::settings::Times { grace: Span(grace), ..Default::default() },
        ..Settings::default()
    }
}

impl World {
    /// A world for so many actors, with nothing in it.
    pub(super) async fn new(grace: Duration, actors: usize) -> Self {
        let gate = Arc::new(Gate::default());
        let catalog = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let store = Arc::new(InMemory::new());
        let spool = tempfile::tempdir().unwrap();
        let bucket = Bucket::over(store.clone(), spool.path(), Budget::new(256 << 20)).await.unwrap();
        let eye = Service::open(settings(grace), catalog.clone(), bucket).await.unwrap();
        let repository = catalog.repository("acme/app", "acme").await.unwrap();
        let caller = Caller { repository, scopes: Scopes::read_write("refs/heads/main") };
        let mut world = Self { gate, catalog, store, spool, grace, eye, actors: Vec::new(), caller };
        for actor in 0..actors {
            let service = world.service(actor).await;
            world.actors.push(service);
        }
        world
    }

    async fn service(&self, actor: usize) -> Service {
        let gate = Arc::clone(&self.gate);
        let inner: Arc<dyn Catalog> = self.catalog.clone();
        let catalog = GatedCatalog { inner, gate: Arc::clone(&gate), actor };
        let store = GatedStore { inner: self.store.clone(), gate, actor };
        let bucket = Bucket::over(Arc::new(store), self.spool.path(), Budget::new(256 << 20)).await.unwrap();
        Service::open(settings(self.grace), Arc::new(catalog), bucket).await.unwrap()
    }

    pub(super) fn advance(&self, span: Duration) {
        self.catalog.advance(span);
    }

    /// A clock that moves by itself.
    pub(super) fn clock(&self) -> impl Fn(Duration) + Send + Sync + use<> {
        let catalog = Arc::clone(&self.catalog);
        move |span| catalog.advance(span)
    }

    /// Saves and recodes before anybody acts.
    pub(super) async fn has(&self, key: &str, content: &[u8]) -> EntryId {
        let entry = save(&self.eye, &self.caller, key, content).await.unwrap();
        while Worker::new(self.eye.clone()).next(&[JobKind::Recode]).await.unwrap() {}
        entry
    }

    /// The bytes of some pack.
    pub(super) async fn a_pack(&self) -> Vec<u8> {
        let packs: Vec<_> = self.store.list(Some(&Path::from("packs"))).try_collect().await.unwrap();
        self.store.get(&packs[0].location).await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// Every visible entry names live packs only, whose objects are there, or blocks that are.
    pub(super) async fn assert_sound(&self, when: &str) {
        for entry in self.catalog.coldest(None, 0, 1000).await.unwrap() {
            let Some(current) = self.catalog.current(entry.id).await.unwrap() else { continue };
            let objects = match current.source {
                Source::Raw => {
                    let segments = self.catalog.segments(current.id).await.unwrap();
                    segments.into_iter().map(|segment| segment.object).collect()
                }
                Source::Pack(pack) => vec![pack_name(pack)],
                Source::Frames(recipe) | Source::Chunks(recipe) => {
                    let mut packs = Vec::new();
                    let mut number = 0;
                    while let Some(page) = self.catalog.page(recipe, number).await.unwrap() {
                        packs.extend(page.page.frames.iter().map(|frame| frame.pack));
                        number += 1;
                    }
                    assert!(number > 0 || current.size == 0, "{} lost its pages: {when}", entry.slot.key);
                    packs.sort_unstable();
                    packs.dedup();
                    for pack in &packs {
                        let live =
                            self.catalog.pack(*pack).await.unwrap().is_some_and(|pack| !pack.condemned);
                        assert!(live, "{} names {pack}, which is not live: {when}", entry.slot.key);
                    }
                    packs.into_iter().map(pack_name).collect()
                }
            };
            for object in objects {
                let there = self.store.head(&Path::from(object.as_str())).await.is_ok();
                assert!(there, "{} needs {object}, which is not there: {when}", entry.slot.key);
            }
        }
    }

    /// When all have acted: what waits is recoded, what was saved comes back and nothing else, and once everything is
    /// deleted nothing stays.
    pub(super) async fn settle(&self, expected: &BTreeMap<String, Vec<u8>>, when: &str) {
        let worker = Worker::new(self.eye.clone());
        for _ in 0..3 {
            self.advance(LATER);
            while worker.next(&[JobKind::Recode]).await.unwrap() {}
        }
        let queue = self.catalog.queue(JobKind::Recode).await.unwrap();
        assert_eq!((queue.ready, queue.running, queue.waiting), (0, 0, 0), "{when}");
        self.assert_sound(when).await;
        let entries = self.catalog.coldest(None, 0, 1000).await.unwrap();
        let keys: Vec<&str> = entries.iter().map(|entry| entry.slot.key.as_str()).collect();
        assert_eq!(keys.len(), expected.len(), "{keys:?}: {when}");
        for entry in &entries {
            let current = self.catalog.current(entry.id).await.unwrap().unwrap();
            assert!(current.source != Source::Raw, "{} was never recoded: {when}", entry.slot.key);
            let bytes = self.eye.bytes_of(&current, 0..current.size).await.unwrap();
            let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
            assert!(bytes.concat() == expected[&entry.slot.key], "{} changed: {when}", entry.slot.key);
        }
        let checked = self.eye.check(false).await.unwrap();
        assert_eq!(checked.damage, [], "{when}");

        let all: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
        self.catalog.delete(&all, Why::Retention).await.unwrap();
        for _ in 0..if self.grace.is_zero() { 1 } else { 2 } {
            self.advance(LATER);
            self.eye.collect().await.unwrap();
        }
        let left: Vec<_> =
            self.store.list(None).map_ok(|object| object.location).try_collect().await.unwrap();
        assert_eq!(left, [], "{when}");
        let rows = (self.catalog.raw_bytes().await.unwrap(), self.catalog.pack_bytes().await.unwrap());
        assert_eq!(rows, (0, 0), "{when}");
        assert_eq!(self.catalog.doomed(1).await.unwrap(), [], "{when}");
    }
}

/// Saves in one piece. Fails when the lease of the upload runs out meanwhile.
pub(super) async fn save(
    service: &Service,
    caller: &Caller,
    key: &str,
    content: &[u8],
) -> crate::service::Result<EntryId> {
    let grant = service.reserve(caller, key, VERSION, "somebody").await?;
    let body = stream::iter([Ok(Bytes::copy_from_slice(content))]);
    service.put_blob(grant.upload, body).await?;
    service.finalize(caller, Protocol::V2, key, VERSION, content.len() as u64).await
}

/// Blocks that look random, one for each seed: contents that have a seed in common share chunks.
pub(super) fn content(seeds: &[u64]) -> Vec<u8> {
    let block = |seed: &u64| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let byte = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        std::iter::repeat_with(byte).take(3000)
    };
    seeds.iter().flat_map(block).collect()
}
