//! A bucket that does not answer for a while, or whose objects go while they are looked for: nothing is taken for damaged
//! because of it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use snowbank_actions::scope::Scopes;
use snowbank_cas::bucket::Bucket;
use snowbank_cas::budget::Budget;
use snowbank_catalog::SqliteCatalog;
use snowbank_catalog::rooms::{Entries, JobKind, Protocol, Repositories, Why};

use crate::service::{Caller, Service, Worker};
use crate::settings::{Settings, Span};

/// A store that can be made not to answer, or to wait with its next answer until something has been done.
#[derive(Default)]
struct Outage {
    store: InMemory,
    down: AtomicBool,
    first: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outage")
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outage")
    }
}

#[async_trait]
impl ObjectStore for Outage {
    async fn put_opts(&self, place: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(place, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        place: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(place, options).await
    }

    async fn get_opts(&self, place: &Path, options: GetOptions) -> Result<GetResult> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "outage", source: "service unavailable".into() });
        }
        let first = self.first.lock().unwrap().take();
        if let Some(first) = first {
            first.await;
        }
        self.store.get_opts(place, options).await
    }

    fn delete_stream(&self, places: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(places)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

struct Home {
    store: Arc<Outage>,
    catalog: Arc<SqliteCatalog>,
    service: Service,
    caller: Caller,
    _spool: tempfile::TempDir,
}

impl Home {
    /// A service with one entry, `k`, that is still as it was uploaded.
    async fn new() -> Self {
        let store = Arc::new(Outage::default());
        let catalog = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let spool = tempfile::tempdir().unwrap();
        let bucket = Bucket::over(store.clone(), spool.path(), Budget::new(256 << 20)).await.unwrap();
        let mut settings = Settings::default();
        settings.times.grace = Span(Duration::ZERO);
        let service = Service::open(settings, catalog.clone(), bucket).await.unwrap();
        let repository = catalog.repository("acme/app", "acme").await.unwrap();
        let caller = Caller { repository, scopes: Scopes::read_write("refs/heads/main") };
        let grant = service.reserve(&caller, "k", "v", "somebody").await.unwrap();
        let body = stream::iter([Ok(Bytes::from_static(b"content"))]);
        service.put_blob(grant.upload, body).await.unwrap();
        service.finalize(&caller, Protocol::V2, "k", "v", 7).await.unwrap();
        Self { store, catalog, service, caller, _spool: spool }
    }

    /// Does `work` before the next object is read.
    fn before_the_next_read(&self, work: impl Future<Output = ()> + Send + 'static) {
        *self.store.first.lock().unwrap() = Some(Box::pin(work));
    }

    async fn has(&self) -> bool {
        self.service.lookup(&self.caller, Protocol::V2, &["k".to_owned()], "v").await.unwrap().is_some()
    }
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_just_now_is_recoded_later() {
    let home = Home::new().await;
    let worker = Worker::new(home.service.clone());
    home.store.down.store(true, Ordering::SeqCst);
    assert!(worker.next(&[JobKind::Recode]).await.unwrap());
    home.store.down.store(false, Ordering::SeqCst);
    assert!(home.has().await, "it is not damaged");
    home.catalog.advance(Duration::from_secs(60));
    assert!(worker.next(&[JobKind::Recode]).await.unwrap(), "it is tried again");
    assert!(home.has().await);
    assert_eq!(home.service.recoding().await.unwrap(), 0);
}

#[tokio::test]
async fn a_check_that_cannot_read_finds_no_damage() {
    let home = Home::new().await;
    home.store.down.store(true, Ordering::SeqCst);
    assert!(home.service.check(true).await.is_err());
    home.store.down.store(false, Ordering::SeqCst);
    assert!(home.has().await);
    assert_eq!(home.service.check(true).await.unwrap().damage, []);
}

#[tokio::test]
async fn an_upload_that_is_recoded_while_it_is_checked_is_not_damaged() {
    let home = Home::new().await;
    let service = home.service.clone();
    home.before_the_next_read(async move {
        assert!(Worker::new(service.clone()).next(&[JobKind::Recode]).await.unwrap());
        assert_eq!(service.collect().await.unwrap().objects, 1, "the upload's block is gone");
    });
    assert_eq!(home.service.check(true).await.unwrap().damage, []);
    assert!(home.has().await);
}

#[tokio::test]
async fn a_pack_that_is_collected_while_it_is_checked_is_not_damaged() {
    let home = Home::new().await;
    assert!(Worker::new(home.service.clone()).next(&[JobKind::Recode]).await.unwrap());
    let (service, catalog) = (home.service.clone(), home.catalog.clone());
    home.before_the_next_read(async move {
        let entries = catalog.coldest(None, 0, 9).await.unwrap();
        assert_eq!(catalog.delete(&[entries[0].id], Why::Retention).await.unwrap(), 1);
        // The lease of the pack's making runs out.
        catalog.advance(Duration::from_secs(600));
        let collected = service.collect().await.unwrap();
        assert_eq!(collected.deleted, 1, "the pack is gone: {collected:?}");
    });
    assert_eq!(home.service.check(true).await.unwrap().damage, []);
}
