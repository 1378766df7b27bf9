//! Bytes that changed where they lie.

use std::path::PathBuf;

use snowbank_cas::assemble::{self, AssembleError};
use snowbank_cas::bucket::{BucketError, pack_name};
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{Ingested, Plan};
use snowbank_cas::recipe::FrameRef;
use snowbank_cas::verify::{VerifyError, verify};

use crate::support::{Home, gather, noise};

struct Stored {
    home: Home,
    index: MemoryIndex,
    ingested: Ingested,
    /// A frame in the middle.
    frame: FrameRef,
    file: PathBuf,
}

async fn stored() -> Stored {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let ingested = home.store(&index, &noise(1, 300_000), Plan::Plain).await.unwrap();
    let frames: Vec<_> = index.pages().into_iter().flat_map(|page| page.frames).collect();
    let frame = frames[frames.len() / 2];
    let file = home.folder.path().join(pack_name(frame.pack));
    Stored { home, index, ingested, frame, file }
}

#[tokio::test]
async fn a_changed_byte_is_found_and_its_place_named() {
    let stored = stored().await;
    for at in [0, stored.frame.stored_len / 2, stored.frame.stored_len - 1] {
        let mut bytes = std::fs::read(&stored.file).unwrap();
        bytes[(stored.frame.offset + at) as usize] ^= 1;
        std::fs::write(&stored.file, &bytes).unwrap();
        let error = verify(&stored.home.bucket, stored.index.pages(), &stored.ingested).await.unwrap_err();
        let VerifyError::Damaged(damage) = &error else { panic!("{error:?}") };
        let (pack, offset) = (stored.frame.pack, stored.frame.offset);
        assert_eq!((damage.pack, damage.offset, damage.chunk), (pack, offset, stored.frame.chunk));
        let chunks = assemble::chunks(&stored.home.bucket, stored.index.pages(), 0..stored.ingested.raw_size);
        let error = gather(chunks).await.unwrap_err();
        assert!(matches!(&error, AssembleError::Damaged(damage) if damage.offset == offset), "{error:?}");
        bytes[(stored.frame.offset + at) as usize] ^= 1;
        std::fs::write(&stored.file, &bytes).unwrap();
    }
    verify(&stored.home.bucket, stored.index.pages(), &stored.ingested).await.unwrap();
}

#[tokio::test]
async fn a_missing_or_cut_pack_is_named() {
    let stored = stored().await;
    let name = pack_name(stored.frame.pack);
    std::fs::write(&stored.file, b"short").unwrap();
    let error = verify(&stored.home.bucket, stored.index.pages(), &stored.ingested).await.unwrap_err();
    assert!(matches!(&error, VerifyError::Bucket(BucketError::Short { name: short, .. }) if *short == name));
    std::fs::remove_file(&stored.file).unwrap();
    let error = verify(&stored.home.bucket, stored.index.pages(), &stored.ingested).await.unwrap_err();
    assert!(matches!(&error, VerifyError::Bucket(BucketError::Missing(missing)) if *missing == name));
}

#[tokio::test]
async fn pages_that_are_not_those_of_the_ingest_are_found() {
    let stored = stored().await;
    let pages = stored.index.pages();
    let mut fewer = pages.clone();
    fewer.pop();
    let error = verify(&stored.home.bucket, fewer, &stored.ingested).await.unwrap_err();
    assert!(matches!(error, VerifyError::NoPage(_)), "{error:?}");
    let mut more = pages.clone();
    let mut extra = pages[0].clone();
    extra.stored_start = stored.ingested.stored_size;
    extra.raw_start = stored.ingested.raw_size;
    more.push(extra);
    let mut swapped = pages;
    swapped[0].frames.swap(0, 1);
    for pages in [more, swapped] {
        let error = verify(&stored.home.bucket, pages, &stored.ingested).await.unwrap_err();
        assert!(matches!(error, VerifyError::Different { .. }), "{error:?}");
    }
}
