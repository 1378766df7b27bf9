//! For tests: a service whose only content is a NAR of one frame, 50 bytes of a pack that has 1000 and no object.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use snowbank_cas::bucket::Bucket;
use snowbank_cas::budget::Budget;
use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash};
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::SqliteCatalog;
use snowbank_catalog::rooms::{Cache, Caches, KeptNar, Nars, NewNar, Packs, Recipes, Stage, StoredNar};
use snowbank_nix::hash::NarHash;
use tempfile::TempDir;

use crate::service::Service;
use crate::settings::Settings;

const LEASE: Duration = Duration::from_secs(600);

pub(super) struct OneNar {
    pub(super) catalog: Arc<SqliteCatalog>,
    pub(super) service: Service,
    pub(super) cache: Cache,
    new: NewNar,
    _spool: TempDir,
}

impl OneNar {
    /// The NAR's recipe is under construction.
    pub(super) async fn begin(settings: Settings) -> Self {
        let catalog = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let spool = tempfile::tempdir().unwrap();
        let store = Arc::new(InMemory::new());
        let bucket = Bucket::over(store, spool.path(), Budget::new(256 << 20)).await.unwrap();
        let service = Service::open(settings, catalog.clone(), bucket).await.unwrap();
        let cache = catalog.cache("main", "acme").await.unwrap();
        let pack = catalog.begin_pack(cache.domain, LEASE).await.unwrap();
        let (chunk, frame) = (ChunkHash::of(b""), FrameHash::of(b""));
        let frame = FrameRef { chunk, frame, raw_len: 100, stored_len: 50, pack, offset: 0 };
        catalog.pack_stored(pack, ObjectHash::of(b""), 1000, &[frame]).await.unwrap();
        let recipe = catalog.begin_recipe(cache.domain, LEASE).await.unwrap();
        let page = RecipePage { raw_start: 0, stored_start: 0, frames: vec![frame] };
        catalog.add_page(recipe, 0, &page, LEASE).await.unwrap();
        let new = NewNar { recipe, hash: NarHash::of(b""), size: 100, stored: 50, mentions: None };
        Self { catalog, service, cache, new, _spool: spool }
    }

    /// The NAR is kept, and staged by nobody in particular.
    pub(super) async fn keep(&self) -> StoredNar {
        let name = "a.nar".to_owned();
        let stage = Stage { cache: self.cache.id, view: String::new(), pusher: String::new(), name };
        match self.catalog.keep_nar(&stage, &self.new, None, LEASE).await.unwrap() {
            KeptNar::New(nar) => nar,
            other => panic!("{other:?}"),
        }
    }
}
