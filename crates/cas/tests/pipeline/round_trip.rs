//! What went in comes out, whole and in parts, and equal parts are stored once.

use std::ops::Range;

use proptest::prelude::*;
use snowbank_cas::assemble;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::{Budget, Class};
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{Ingested, Plan, ingest};
use snowbank_cas::verify::verify;

use crate::support::{BUDGET, Home, block_on, gather, noise, pieces, small, tar, words, zstd};

/// Runs of random bytes, of which some come again.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((0_u64..6, 0_usize..40_000, any::<bool>()), 0..24).prop_map(|runs| {
        let run = |(seed, len, soft)| if soft { words(seed, len) } else { noise(seed, len) };
        runs.into_iter().flat_map(run).collect()
    })
}

/// Files of random sizes.
fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    prop::collection::vec((0_u64..9, 0_usize..30_000), 0..20).prop_map(|files| {
        let name = |place: usize| format!("nix/store/{}", "long-".repeat(place % 40)) + &place.to_string();
        files.into_iter().enumerate().map(|(place, (seed, len))| (name(place), words(seed, len))).collect()
    })
}

/// A range of a stream of `size` bytes out of two shares of it.
fn part(size: u64, (a, b): (f64, f64)) -> Range<u64> {
    let place = |share: f64| ((size as f64 * share) as u64).min(size);
    place(a.min(b))..place(a.max(b))
}

async fn comes_back(
    bucket: &Bucket,
    index: &MemoryIndex,
    raw: &[u8],
    ingested: &Ingested,
    shares: (f64, f64),
) {
    let pages = index.pages();
    let frames = gather(assemble::frames(bucket, pages.clone(), 0..ingested.stored_size)).await.unwrap();
    assert_eq!(frames.len() as u64, ingested.stored_size);
    assert!(
        raw.is_empty() || zstd::decode_all(frames.as_slice()).unwrap() == raw,
        "a row of frames is a .zst"
    );
    let range = part(ingested.stored_size, shares);
    let some = gather(assemble::frames(bucket, pages.clone(), range.clone())).await.unwrap();
    assert!(some == frames[range.start as usize..range.end as usize], "frames {range:?}");
    let range = part(ingested.raw_size, shares);
    let some = gather(assemble::chunks(bucket, pages.clone(), range.clone())).await.unwrap();
    assert!(some == raw[range.start as usize..range.end as usize], "chunks {range:?}");
    assert!(gather(assemble::chunks(bucket, pages.clone(), 0..ingested.raw_size)).await.unwrap() == raw);
    verify(bucket, pages, ingested).await.unwrap();
    for class in [Class::Job, Class::Download] {
        assert_eq!(bucket.budget().taken(class), 0, "{class:?}");
    }
}

/// Ingests twice and checks all that has to hold.
async fn twice(bucket: &Bucket, source: &[u8], raw: &[u8], plan: Plan, piece: usize, shares: (f64, f64)) {
    let index = MemoryIndex::default();
    let first = ingest(bucket, &index, pieces(source, piece), plan, small()).await.unwrap();
    assert_eq!(first.raw_size, raw.len() as u64);
    comes_back(bucket, &index, raw, &first, shares).await;
    let again = index.next_recipe();
    let second = ingest(bucket, &again, pieces(source, piece / 2 + 1), plan, small()).await.unwrap();
    assert_eq!(second, Ingested { new_frames: 0, new_stored_bytes: 0, ..first });
    assert_eq!(again.pages(), index.pages());
    for (pack, _, size) in index.packs() {
        assert_eq!(bucket.size(&snowbank_cas::bucket::pack_name(pack)).await.unwrap(), Some(size));
        bucket.delete(&snowbank_cas::bucket::pack_name(pack)).await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_stream_comes_back(
        raw in streams(),
        piece in 1_usize..200_000,
        shares in (0.0..1.0, 0.0..1.0),
        memory: bool,
    ) {
        block_on(async {
            let home = Home::new().await;
            let bucket = if memory {
                Bucket::open(Place::Memory, home.folder.path(), Budget::new(BUDGET)).await.unwrap()
            } else {
                home.bucket
            };
            twice(&bucket, &raw, &raw, Plan::Plain, piece, shares).await;
        });
    }

    #[test]
    fn any_tar_comes_back(files in files(), piece in 1_usize..20_000, shares in (0.0..1.0, 0.0..1.0)) {
        block_on(async {
            let raw = tar(&files);
            twice(&Home::new().await.bucket, &zstd(&raw), &raw, Plan::ZstdTar, piece, shares).await;
        });
    }
}

#[tokio::test]
async fn a_recipe_of_many_pages_and_packs_comes_back() {
    let home = Home::new().await;
    let raw = [noise(1, 1 << 20), words(2, 1 << 20), noise(1, 1 << 20)].concat();
    let index = MemoryIndex::default();
    let ingested = home.store(&index, &raw, Plan::Plain).await.unwrap();
    assert!(index.pages().len() > 3 && index.packs().len() > 3);
    comes_back(&home.bucket, &index, &raw, &ingested, (0.3, 0.7)).await;
}

#[tokio::test]
async fn a_run_that_comes_again_is_stored_once() {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let once = home.store(&index, &noise(1, 1 << 20), Plan::Plain).await.unwrap();
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let thrice = home.store(&index, &noise(1, 1 << 20).repeat(3), Plan::Plain).await.unwrap();
    // The chunks where one run meets the next are new.
    assert!(thrice.new_stored_bytes < once.new_stored_bytes + 20_000, "{thrice:?}");
    assert!(thrice.stored_size > 2 * once.stored_size);
}

#[tokio::test]
async fn equal_files_in_another_tar_are_stored_once() {
    let home = Home::new().await;
    let mut files: Vec<_> = (0..20).map(|seed| (format!("nix/store/{seed}"), noise(seed, 50_000))).collect();
    let index = MemoryIndex::default();
    let first = home.store(&index, &zstd(&tar(&files)), Plan::ZstdTar).await.unwrap();
    files.reverse();
    let second = home.store(&index.next_recipe(), &zstd(&tar(&files)), Plan::ZstdTar).await.unwrap();
    assert!(second.new_stored_bytes * 20 < first.new_stored_bytes, "{second:?}");
}

#[tokio::test]
async fn a_range_beyond_the_recipe_is_an_error() {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let ingested = home.store(&index, &words(1, 100_000), Plan::Plain).await.unwrap();
    let beyond = 0..ingested.raw_size + 1;
    let error = gather(assemble::chunks(&home.bucket, index.pages(), beyond)).await.unwrap_err();
    assert!(matches!(error, assemble::AssembleError::NoPage(offset) if offset == ingested.raw_size));
    let error = gather(assemble::frames(&home.bucket, Vec::new(), 0..1)).await.unwrap_err();
    assert!(matches!(error, assemble::AssembleError::NoPage(0)));
}
