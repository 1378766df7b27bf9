//! A source taken for a tar under zstd is refused, or its row of frames unfolds to what the source unfolds to.
#![no_main]

use std::io::Read;
use std::sync::LazyLock;

use bytes::Bytes;
use futures::{TryStreamExt, stream};
use libfuzzer_sys::fuzz_target;
use snowbank_cas::assemble;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_cas::chunker::Params;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{Guards, Options, Plan, ingest};
use snowbank_cas::verify::verify;
use tokio::runtime::Runtime;

/// What a source may unfold to here: little, so that many are tried.
const RAW: u64 = 1 << 20;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SPOOL: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// Makes headers of the blocks that begin with an odd byte, for no fuzzer guesses a checksum.
fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[0] & 1 == 1) {
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    }
    bytes
}

fn unfolded(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    let decoder = zstd::Decoder::new(bytes).expect("a decoder");
    decoder.take(RAW + 1).read_to_end(&mut raw).expect("what was accepted is zstd");
    raw
}

async fn run(source: &[u8], piece: usize) {
    let bucket = Bucket::open(Place::Memory, SPOOL.path(), Budget::new(256 << 20)).await.expect("a bucket");
    let index = MemoryIndex::default();
    let pieces: Vec<_> =
        source.chunks(piece).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
    let options = Options {
        params: Params::new(64, 128, 512, 600).expect("lengths that rise"),
        guards: Guards { raw_size: RAW, allowance: RAW, ..Guards::default() },
        ..Options::default()
    };
    let done = ingest(&bucket, &index, stream::iter(pieces), Plan::ZstdTar, options).await;
    let Ok(done) = done else { return };
    verify(&bucket, index.pages(), &done).await.expect("what was cut reads back");
    let frames: Vec<Bytes> = assemble::frames(&bucket, index.pages(), 0..done.stored_size)
        .try_collect()
        .await
        .expect("the frames are there");
    assert!(unfolded(&frames.concat()) == unfolded(source));
}

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (packed, piece, bytes) = input;
    let piece = usize::from(piece) * 16 + 1;
    let source = if packed { bytes.to_vec() } else { zstd::encode_all(&seal(bytes)[..], 1).expect("zstd") };
    RUNTIME.block_on(run(&source, piece));
});
