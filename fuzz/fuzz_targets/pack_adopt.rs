//! A pack that somebody sends is refused and leaves nothing, or every frame in it is the chunk that it says; and of
//! one that was adopted nothing is kept a second time.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use futures::{TryStreamExt, stream};
use libfuzzer_sys::fuzz_target;
use snowbank_cas::assemble;
use snowbank_cas::bucket::{Bucket, PACKS, Place};
use snowbank_cas::budget::Budget;
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::ChunkHash;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{adopt_pack, take_pack};
use snowbank_cas::pack::PackBuilder;
use snowbank_cas::recipe::RecipePage;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SPOOL: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// A pack of these frames, honest or not, with a footer that holds.
fn pack(frames: &[(bool, u16, &[u8])]) -> Option<Vec<u8>> {
    let mut builder = PackBuilder::new(1 << 20);
    let mut encoder = Encoder::new(1).ok()?;
    let mut bytes = Vec::new();
    for (honest, raw_len, content) in frames.iter().take(8) {
        let (raw, frame) = if *honest {
            (content.to_vec(), encoder.encode(content).ok()?)
        } else {
            (zstd::decode_all(*content).unwrap_or_default(), content.to_vec())
        };
        let raw_len = if raw.is_empty() { u32::from(*raw_len) } else { raw.len() as u32 };
        builder.push(ChunkHash::of(&raw), raw_len, &frame).ok()?;
        bytes.extend(frame);
    }
    (!builder.is_empty()).then(|| [bytes, builder.finish().1].concat())
}

async fn run(sent: &[u8]) {
    let bucket = Bucket::open(Place::Memory, SPOOL.path(), Budget::new(256 << 20)).await.expect("a bucket");
    let index = MemoryIndex::default();
    let pieces =
        || stream::iter(sent.chunks(97).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))));
    match adopt_pack(&bucket, &index, pieces()).await {
        Ok(adopted) => {
            assert_eq!(adopted.size, sent.len() as u64);
            let taken = take_pack(&bucket, &index, pieces()).await.expect("what was adopted is a pack");
            assert_eq!((taken.new_frames, index.begun()), (0, 1));
            for frame in adopted.frames {
                let (chunk, size) = (frame.chunk, u64::from(frame.raw_len));
                let page = RecipePage { raw_start: 0, stored_start: 0, frames: vec![frame] };
                let raw: Vec<Bytes> = assemble::chunks(&bucket, vec![page], 0..size)
                    .try_collect()
                    .await
                    .expect("what was adopted reads back");
                assert_eq!(ChunkHash::of(&raw.concat()), chunk);
            }
        }
        Err(_) => {
            assert!(take_pack(&bucket, &index, pieces()).await.is_err());
            let left: Vec<_> = bucket.list(PACKS).try_collect().await.expect("a list");
            assert!(left.is_empty() && index.begun() == 0);
        }
    }
}

fuzz_target!(|input: (Vec<(bool, u16, &[u8])>, u16, u8)| {
    let (frames, at, flip) = input;
    let Some(mut sent) = pack(&frames) else { return };
    let at = usize::from(at) % sent.len();
    sent[at] ^= flip;
    RUNTIME.block_on(run(&sent));
});
