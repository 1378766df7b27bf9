//! What every bucket does, whatever holds its bytes: run on each of them by the tests of this and other crates.

#![allow(clippy::unwrap_used, reason = "a suite of tests")]

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::{Bucket, BucketError, PutError, UPLOADS};
use crate::budget::Class;
use crate::id::ObjectHash;

const MIB: usize = 1 << 20;

/// `size` bytes that look random, the same for the same `seed`.
#[must_use]
pub fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// `bytes` as a stream of pieces of at most `piece` bytes.
pub fn pieces(bytes: &[u8], piece: usize) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let bytes = Bytes::copy_from_slice(bytes);
    let starts = (0..bytes.len()).step_by(piece);
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + piece)))))
}

async fn read(bucket: &Bucket, name: &str, range: Range<u64>) -> Result<Vec<u8>, BucketError> {
    bucket
        .read(name, range)
        .try_fold(Vec::new(), |all, block| async move { Ok([&all, &*block].concat()) })
        .await
}

async fn names(bucket: &Bucket, prefix: &str) -> Vec<(String, u64)> {
    let mut names: Vec<_> = bucket.list(prefix).try_collect().await.unwrap();
    names.sort_unstable();
    names
}

/// Runs the whole suite on a bucket that holds nothing.
pub async fn all(bucket: &Bucket) {
    streams_come_back(bucket).await;
    ranges_come_back(bucket).await;
    spooled_files_come_back(bucket).await;
    a_failed_stream_leaves_nothing(bucket).await;
    a_stream_over_the_limit_leaves_nothing(bucket).await;
    a_dropped_put_leaves_nothing(bucket).await;
    what_is_not_there_is_an_error_of_its_own(bucket).await;
    deletion_is_idempotent_and_listing_exact(bucket).await;
    many_at_once(bucket).await;
    assert_eq!(names(bucket, UPLOADS).await, [], "the suite cleans up");
    for class in [Class::Upload, Class::Download, Class::Job] {
        assert_eq!(bucket.budget().taken(class), 0, "{class:?} buffers are given back");
    }
}

/// Streams of many sizes, in large and small pieces, are the objects that they were, of the hash that was told.
pub async fn streams_come_back(bucket: &Bucket) {
    for (seed, (size, piece)) in
        [(0, 1), (1, 1), (70_000, 7), (MIB + 5, 64 << 10), (9 * MIB, 3 * MIB), (16 * MIB, MIB)]
            .into_iter()
            .enumerate()
    {
        let (name, bytes) = (format!("uploads/streams/{size}"), noise(seed as u64, size));
        let stored = bucket.put_stream(&name, pieces(&bytes, piece), size as u64).await.unwrap();
        assert_eq!((stored.size, stored.hash), (size as u64, ObjectHash::of(&bytes)));
        assert_eq!(bucket.size(&name).await.unwrap(), Some(size as u64));
        assert!(read(bucket, &name, 0..size as u64).await.unwrap() == bytes, "{size} bytes");
        bucket.delete(&name).await.unwrap();
    }
}

/// Ranges that begin and end anywhere.
pub async fn ranges_come_back(bucket: &Bucket) {
    let (name, bytes) = ("uploads/ranges/a", noise(7, 5 * MIB));
    bucket.put_stream(name, pieces(&bytes, MIB), u64::MAX).await.unwrap();
    let size = bytes.len();
    for range in [0..1, 0..0, size - 1..size, MIB - 1..MIB + 1, 3..4 * MIB + 7, size..size] {
        let wanted = range.start as u64..range.end as u64;
        assert!(read(bucket, name, wanted.clone()).await.unwrap() == bytes[range.clone()], "{range:?}");
        assert!(*bucket.read_vec(name, wanted).await.unwrap() == bytes[range.clone()], "{range:?} at once");
    }
    bucket.delete(name).await.unwrap();
}

/// Spooled files of many sizes.
pub async fn spooled_files_come_back(bucket: &Bucket) {
    for size in [0, 1, 8 * MIB, 20 * MIB + 1] {
        let (name, bytes) = (format!("uploads/spooled/{size}"), noise(8, size));
        let mut spooled = bucket.spool().await.unwrap();
        for piece in bytes.chunks(MIB) {
            spooled.append(piece).unwrap();
        }
        bucket.put_spooled(&name, spooled).await.unwrap();
        assert!(read(bucket, &name, 0..size as u64).await.unwrap() == bytes, "{size} bytes");
        bucket.delete(&name).await.unwrap();
    }
    assert_eq!(bucket.sweep_temporaries().await.unwrap(), 0, "spooled files are gone");
}

/// The sender's failure is told apart, early and late in the stream.
pub async fn a_failed_stream_leaves_nothing(bucket: &Bucket) {
    for size in [0, 3, 20 * MIB] {
        let body = pieces(&noise(9, size), MIB).chain(stream::iter([Err(io::Error::other("cut off"))]));
        let error = bucket.put_stream("uploads/failed/a", body, u64::MAX).await.unwrap_err();
        assert!(matches!(&error, PutError::Sender(cause) if cause.to_string() == "cut off"), "{error:?}");
        assert_eq!(names(bucket, "uploads/failed").await, []);
        assert_eq!(bucket.sweep_temporaries().await.unwrap(), 0);
    }
}

/// One byte too many; the limit itself is allowed.
pub async fn a_stream_over_the_limit_leaves_nothing(bucket: &Bucket) {
    for limit in [0, 10, 9 * MIB as u64] {
        let bytes = noise(10, limit as usize + 1);
        let body = pieces(&bytes, MIB);
        let error = bucket.put_stream("uploads/limit/a", body, limit).await.unwrap_err();
        assert!(matches!(error, PutError::TooLarge { limit: told } if told == limit), "{error:?}");
        assert_eq!(names(bucket, "uploads/limit").await, []);
        assert_eq!(bucket.sweep_temporaries().await.unwrap(), 0);
        let body = pieces(&bytes[1..], MIB);
        assert_eq!(bucket.put_stream("uploads/limit/a", body, limit).await.unwrap().size, limit);
        bucket.delete("uploads/limit/a").await.unwrap();
    }
}

/// A client that goes away in the middle.
pub async fn a_dropped_put_leaves_nothing(bucket: &Bucket) {
    for size in [3, 20 * MIB] {
        let (stalled, reached) = tokio::sync::oneshot::channel();
        let body = pieces(&noise(11, size), MIB).chain(stream::once(async move {
            let _ = stalled.send(());
            futures::future::pending().await
        }));
        tokio::select! {
            done = bucket.put_stream("uploads/dropped/a", body, u64::MAX) => panic!("{done:?}"),
            _ = reached => {}
        }
        let patience = Instant::now() + Duration::from_secs(20);
        while bucket.budget().taken(Class::Upload) > 0 || !names(bucket, "uploads/dropped").await.is_empty() {
            assert!(Instant::now() < patience, "something of a dropped put stays");
            tokio::task::yield_now().await;
        }
    }
}

/// Missing objects and ranges beyond an object's end.
pub async fn what_is_not_there_is_an_error_of_its_own(bucket: &Bucket) {
    let name = "uploads/missing/a";
    assert_eq!(bucket.size(name).await.unwrap(), None);
    assert!(matches!(read(bucket, name, 0..1).await, Err(BucketError::Missing(missing)) if missing == name));
    assert!(matches!(bucket.read_vec(name, 0..1).await, Err(BucketError::Missing(_))));
    bucket.put_stream(name, pieces(b"0123456789", 10), 10).await.unwrap();
    for range in [0..11, 9..20, 10..11, 100..101] {
        let error = read(bucket, name, range.clone()).await;
        assert!(matches!(error, Err(BucketError::Short { end, .. }) if end == range.end), "{error:?}");
    }
    bucket.delete(name).await.unwrap();
}

/// Deleting twice is fine; a list holds exactly what is there.
pub async fn deletion_is_idempotent_and_listing_exact(bucket: &Bucket) {
    for name in ["uploads/l1/a", "uploads/l1/b", "uploads/l10/a"] {
        bucket.put_stream(name, pieces(name.as_bytes(), 3), 99).await.unwrap();
    }
    bucket.delete("uploads/l1/a").await.unwrap();
    bucket.delete("uploads/l1/a").await.unwrap();
    assert_eq!(names(bucket, "uploads/l1").await, [("uploads/l1/b".to_owned(), 12)]);
    assert_eq!(names(bucket, "uploads").await.len(), 2);
    for name in ["uploads/l1/b", "uploads/l10/a"] {
        bucket.delete(name).await.unwrap();
    }
}

/// Writers, readers and deletions side by side in one folder, within a budget smaller than their wishes.
pub async fn many_at_once(bucket: &Bucket) {
    let work = (0..16_u64).map(|seed| async move {
        let (name, bytes) = (format!("uploads/many/{seed:x}"), noise(seed, 3 * MIB + seed as usize));
        bucket.put_stream(&name, pieces(&bytes, 100_000), u64::MAX).await.unwrap();
        assert!(read(bucket, &name, 0..bytes.len() as u64).await.unwrap() == bytes);
        bucket.delete(&name).await.unwrap();
    });
    futures::future::join_all(work).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Place;
    use crate::budget::Budget;

    #[tokio::test]
    async fn a_folder_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Directory(folder.path().join("data"));
        all(&Bucket::open(place, folder.path(), Budget::new(8 << 20)).await.unwrap()).await;
    }

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        all(&Bucket::open(Place::Memory, folder.path(), Budget::new(64 << 20)).await.unwrap()).await;
    }
}
