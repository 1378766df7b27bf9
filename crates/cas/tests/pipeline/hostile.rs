//! Sources that lie. Each is refused early, leaves no recipe, and can be kept as it came.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{GuardError, Guards, IngestError, Options, Plan, ingest};

use crate::support::{Home, noise, pieces, small, tar, words, zstd};

async fn refused(source: &[u8]) -> IngestError {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let error = home.store(&index, source, Plan::ZstdTar).await.unwrap_err();
    assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0, "{error:?} leaves temporary files");
    assert_eq!(home.packs().await.len() as u64, index.packs().len() as u64, "{error:?} leaves packs");
    let plain = home.store(&index.next_recipe(), source, Plan::Plain).await.unwrap();
    assert_eq!(plain.raw_size, source.len() as u64);
    error
}

#[tokio::test]
async fn a_bomb_is_refused_after_a_small_part_of_it() {
    // Two GiB of zeros in some 64 KiB: a tar of one file as far as it goes.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..2048).for_each(|_| encoder.write_all(&zeros).unwrap());
    let bomb = encoder.finish().unwrap();
    let home = Home::new().await;
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let source = pieces(&bomb, 512).inspect_ok(move |piece| {
        counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
    });
    let options =
        Options { guards: Guards { allowance: 16 << 20, ..Guards::default() }, ..Options::default() };
    let index = MemoryIndex::default();
    let error = ingest(&home.bucket, &index, source, Plan::ZstdTar, options).await.unwrap_err();
    assert!(
        matches!(error, IngestError::Guard(GuardError::Ratio { raw, .. }) if raw < 32 << 20),
        "{error:?}"
    );
    assert!(read.load(Ordering::Relaxed) < bomb.len() as u64 / 10, "{read:?} of {}", bomb.len());
    assert!(index.pages().is_empty());
}

#[tokio::test]
async fn a_window_of_a_gibibyte_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(30).unwrap();
    encoder.write_all(&tar(&[("a".to_owned(), words(1, 5000))])).unwrap();
    let error = refused(&encoder.finish().unwrap()).await;
    assert!(
        matches!(error, IngestError::Guard(GuardError::Window(window)) if window == 1 << 30),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_tar_whose_header_lies_is_no_tar() {
    let honest = tar(&[("a".to_owned(), words(1, 500_000)), ("b".to_owned(), words(2, 5000))]);
    let mut longer = honest.clone();
    longer[124..136].copy_from_slice(b"77777777777\0");
    let mut checksum = honest.clone();
    checksum[150] ^= 1;
    for lie in [longer, checksum, honest[..100_000].to_vec(), noise(3, 10_000), Vec::new()] {
        let error = refused(&zstd(&lie)).await;
        assert!(matches!(error, IngestError::NotATar(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_not_one_row_of_zstd_frames_is_refused() {
    let good = zstd(&tar(&[("a".to_owned(), words(1, 500_000))]));
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 0x10;
    let trailing = [&good[..], b"and then something else entirely"].concat();
    for source in [noise(1, 1000), good[..good.len() - 1].to_vec(), trailing, damaged] {
        let error = refused(&source).await;
        // The damage may show in the tar before the frame ends with its checksum.
        assert!(matches!(error, IngestError::Guard(_) | IngestError::NotATar(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_source_that_breaks_off_is_told_apart() {
    let home = Home::new().await;
    for plan in [Plan::Plain, Plan::ZstdTar] {
        let source = pieces(&zstd(&tar(&[("a".to_owned(), noise(1, 500_000))])), 10_000);
        let broken = futures::StreamExt::chain(
            futures::StreamExt::take(source, 3),
            futures::stream::iter([Err(std::io::Error::other("gone"))]),
        );
        let error = ingest(&home.bucket, &MemoryIndex::default(), broken, plan, small()).await.unwrap_err();
        assert!(matches!(&error, IngestError::Source(cause) if cause.to_string() == "gone"), "{error:?}");
    }
}
