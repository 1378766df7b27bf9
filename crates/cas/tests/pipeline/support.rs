//! What several of these tests need.

use std::io::{self, Write};

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
use snowbank_cas::bucket::{Bucket, PACKS, Place};
use snowbank_cas::budget::Budget;
use snowbank_cas::chunker::Params;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{IngestError, Ingested, Options, Plan, ingest};
use tempfile::TempDir;

pub(crate) const BUDGET: u64 = 512 << 20;

/// `len` bytes that look random, always the same for a seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Text-like bytes that zstd can compress.
pub(crate) fn words(seed: u64, len: usize) -> Vec<u8> {
    noise(seed, len / 4 + 1)
        .into_iter()
        .flat_map(|byte| [b'a' + byte % 16, b'e', b' ', b'x'])
        .take(len)
        .collect()
}

/// Lengths that make many chunks of few bytes, and packs of few chunks.
pub(crate) fn small() -> Options {
    let params = Params::new(64, 256, 2048, 1024).unwrap();
    Options { params, pack_size: 64 << 10, ..Options::default() }
}

/// `bytes` as a stream of pieces of at most `piece` bytes.
pub(crate) fn pieces(bytes: &[u8], piece: usize) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let bytes = Bytes::copy_from_slice(bytes);
    let starts = (0..bytes.len()).step_by(piece.max(1));
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + piece.max(1))))))
}

/// A POSIX tar of these files.
pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o444);
        builder.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// `content` as the zstd tool compresses it: with a checksum.
pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A bucket in a folder that lives as long as this value.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    pub(crate) bucket: Bucket,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Directory(folder.path().to_owned());
        let bucket = Bucket::open(place, folder.path(), Budget::new(BUDGET)).await.unwrap();
        Self { folder, bucket }
    }

    pub(crate) async fn store(
        &self,
        index: &MemoryIndex,
        bytes: &[u8],
        plan: Plan,
    ) -> Result<Ingested, IngestError> {
        ingest(&self.bucket, index, pieces(bytes, 50_000), plan, small()).await
    }

    /// The packs that lie in the bucket.
    pub(crate) async fn packs(&self) -> Vec<String> {
        let mut packs: Vec<_> = self.bucket.list(PACKS).map_ok(|(name, _)| name).try_collect().await.unwrap();
        packs.sort_unstable();
        packs
    }
}

/// Runs `future` to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// All bytes of a stream.
pub(crate) async fn gather<E: std::error::Error>(
    stream: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Vec<u8>, E> {
    stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}
