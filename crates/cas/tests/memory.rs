//! The bound on an ingest's memory, by what the system says this process had: so this test is alone here.

#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use std::io;

use bytes::Bytes;
use futures::stream;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{self, Options, Plan, ingest};
use snowbank_cas::verify::verify;

const PIECE: usize = 1 << 20;

/// Bytes of memory that this process had at most.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn an_ingest_and_its_verification_keep_to_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Directory(folder.path().to_owned());
    let bucket = Bucket::open(place, folder.path(), Budget::new(1 << 30)).await.unwrap();
    let index = MemoryIndex::default();
    let mut noise = blake3::Hasher::new().finalize_xof();
    let source = stream::iter((0..384).map(move |_| {
        let mut piece = vec![0; PIECE];
        noise.fill(&mut piece[..PIECE / 2]);
        Ok::<_, io::Error>(Bytes::from(piece))
    }));
    let before = peak();
    let ingested = ingest(&bucket, &index, source, Plan::Plain, Options::default()).await.unwrap();
    assert_eq!(ingested.raw_size, 384 << 20);
    assert!(index.packs().len() > 2, "more than what may be under way at once");
    verify(&bucket, index.pages(), &ingested).await.unwrap();
    // Three pieces of the source, and the index itself. Verification needs less than the ingest before it.
    let (took, allowed) = (peak() - before, ingest::MEMORY + 4 * PIECE as u64);
    assert!(took < allowed, "{} MiB", took >> 20);
}
