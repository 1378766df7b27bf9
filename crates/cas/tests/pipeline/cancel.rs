//! An ingest that ends anywhere: dropped, or because the index fails.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use snowbank_cas::bucket::pack_of;
use snowbank_cas::budget::Class;
use snowbank_cas::id::{ChunkHash, ObjectHash, PackId};
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::index::{ChunkIndex, IndexError};
use snowbank_cas::ingest::{IngestError, Plan, ingest};
use snowbank_cas::recipe::{FrameRef, RecipePage};

use crate::support::{Home, noise, pieces, small};

/// Waits until what a dropped ingest had under way has come to its end, then looks at what is left.
async fn nothing_half_made(home: &Home, index: &MemoryIndex) {
    let patience = Instant::now() + Duration::from_secs(20);
    let temporary = home.folder.path().join("tmp");
    while temporary.read_dir().unwrap().count() > 0 || home.bucket.budget().taken(Class::Job) > 0 {
        assert!(Instant::now() < patience, "temporary files stay");
        tokio::task::yield_now().await;
    }
    let stored: Vec<_> = index.packs().into_iter().map(|pack| pack.0).collect();
    for name in home.packs().await {
        let pack = pack_of(&name).unwrap();
        assert!(pack.0 <= index.begun(), "{name} was never begun");
        assert!(stored.contains(&pack) || pack.0 == index.begun(), "{name} is not the one under way");
    }
    for pack in stored {
        assert!(home.bucket.size(&snowbank_cas::bucket::pack_name(pack)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_dropped_ingest_leaves_no_object_without_a_begun_pack() {
    let bytes = noise(1, 2_000_000);
    for part in [0, 1, 7, 20, 39] {
        let home = Home::new().await;
        let index = MemoryIndex::default();
        let (stalled, reached) = tokio::sync::oneshot::channel();
        let source = pieces(&bytes, 50_000).take(part).chain(stream::once(async move {
            let _ = stalled.send(());
            futures::future::pending().await
        }));
        tokio::select! {
            done = ingest(&home.bucket, &index, source, Plan::Plain, small()) => panic!("{done:?}"),
            _ = reached => {}
        }
        nothing_half_made(&home, &index).await;
        // The same bucket and index serve the next ingest.
        let ingested = home.store(&index.next_recipe(), &bytes, Plan::Plain).await.unwrap();
        assert_eq!(ingested.raw_size, 2_000_000);
    }
}

/// Fails at one of its calls.
struct Failing {
    index: MemoryIndex,
    calls_left: AtomicI64,
}

impl Failing {
    fn call(&self) -> Result<(), IndexError> {
        match self.calls_left.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(IndexError::new("the database is gone")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ChunkIndex for Failing {
    async fn find(&self, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>, IndexError> {
        self.call()?;
        self.index.find(chunks).await
    }

    async fn begin_pack(&self) -> Result<PackId, IndexError> {
        self.call()?;
        self.index.begin_pack().await
    }

    async fn pack_stored(
        &self,
        pack: PackId,
        hash: ObjectHash,
        size: u64,
        frames: &[FrameRef],
    ) -> Result<(), IndexError> {
        self.call()?;
        self.index.pack_stored(pack, hash, size, frames).await
    }

    async fn add_page(&self, number: u32, page: &RecipePage) -> Result<(), IndexError> {
        self.call()?;
        self.index.add_page(number, page).await
    }
}

#[tokio::test]
async fn an_index_that_fails_at_any_call_ends_the_ingest_cleanly() {
    let bytes = noise(1, 400_000);
    let mut failures = 0;
    for calls in 0.. {
        let home = Home::new().await;
        let index = Failing { index: MemoryIndex::default(), calls_left: AtomicI64::new(calls) };
        let source = pieces(&bytes, 50_000);
        match ingest(&home.bucket, &index, source, Plan::Plain, small()).await {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, IngestError::Index(_)), "{error:?}"),
        }
        nothing_half_made(&home, &index.index).await;
        failures += 1;
    }
    // A look-up, seven packs and two pages.
    assert!(failures > 10, "{failures}");
}
