//! Packs that somebody sends to a store that knows some of their chunks.

use std::collections::HashSet;

use proptest::prelude::*;
use snowbank_cas::assemble;
use snowbank_cas::bucket::pack_name;
use snowbank_cas::budget::Class;
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::index::ChunkIndex;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{AdoptPackError, IngestError, MAX_TAKEN, Plan, Taken, take_pack};
use snowbank_cas::pack::{PackBuilder, PackError};
use snowbank_cas::recipe::RecipePage;

use crate::support::{Home, block_on, gather, noise, pieces, words};

/// A pack of these chunks, in this order.
fn pack(chunks: &[Vec<u8>]) -> Vec<u8> {
    let (mut builder, mut bytes) = (PackBuilder::default(), Vec::new());
    for chunk in chunks {
        let frame = Encoder::new(3).unwrap().encode(chunk).unwrap();
        builder.push(ChunkHash::of(chunk), chunk.len() as u32, &frame).unwrap();
        bytes.extend(frame);
    }
    [bytes, builder.finish().1].concat()
}

fn chunk(seed: u64) -> Vec<u8> {
    words(seed, 1000 + seed as usize)
}

fn chunks(seeds: impl IntoIterator<Item = u64>) -> Vec<Vec<u8>> {
    seeds.into_iter().map(chunk).collect()
}

async fn take(home: &Home, index: &MemoryIndex, sent: &[u8]) -> Result<Taken, AdoptPackError> {
    take_pack(&home.bucket, index, pieces(sent, 999)).await
}

/// The content of the frames that were taken reads back as `chunks`.
async fn reads_back(home: &Home, taken: &Taken, chunks: &[Vec<u8>]) {
    assert_eq!(taken.frames.len(), chunks.len());
    for (frame, chunk) in taken.frames.iter().zip(chunks) {
        let page = RecipePage { raw_start: 0, stored_start: 0, frames: vec![*frame] };
        let raw = assemble::chunks(&home.bucket, vec![page], 0..chunk.len() as u64);
        assert!(gather(raw).await.unwrap() == *chunk);
    }
}

#[tokio::test]
async fn a_pack_of_which_all_is_new_is_kept_as_it_lies() {
    let (home, index, raw) = (Home::new().await, MemoryIndex::default(), chunks(0..9));
    let sent = pack(&raw);
    let taken = take(&home, &index, &sent).await.unwrap();
    reads_back(&home, &taken, &raw).await;
    let bytes: u64 = taken.frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
    assert_eq!((taken.new_frames, taken.new_bytes), (9, bytes));
    let [(id, hash, size)] = index.packs()[..] else { panic!("one pack") };
    assert_eq!((hash, size), (ObjectHash::of(&sent), sent.len() as u64));
    assert!(std::fs::read(home.folder.path().join(pack_name(id))).unwrap() == sent);
    assert_eq!(index.find(&[taken.frames[3].chunk]).await.unwrap(), [Some(taken.frames[3])]);
    assert_eq!(home.bucket.budget().taken(Class::Job), 0);
}

#[tokio::test]
async fn a_pack_of_which_all_is_known_is_not_kept() {
    let (home, index, raw) = (Home::new().await, MemoryIndex::default(), chunks(0..9));
    let first = take(&home, &index, &pack(&raw)).await.unwrap();
    let reversed: Vec<_> = raw.iter().rev().cloned().collect();
    let second = take(&home, &index, &pack(&reversed)).await.unwrap();
    assert_eq!((second.new_frames, second.new_bytes), (0, 0));
    assert!(second.frames.iter().rev().eq(&first.frames));
    assert_eq!((index.begun(), home.packs().await.len()), (1, 1));
    assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0);
}

#[tokio::test]
async fn a_known_chunk_is_the_frame_that_an_ingest_made_of_it() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    home.store(&index, &chunk(1)[..60], Plan::Plain).await.unwrap();
    let known = index.pages()[0].frames[0];
    let taken = take(&home, &index, &pack(&[chunk(2), chunk(1)[..60].to_vec()])).await.unwrap();
    assert_eq!((taken.new_frames, taken.frames[1]), (1, known));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn only_what_is_new_is_kept_and_that_once(
        packs in prop::collection::vec(prop::collection::vec(0_u64..12, 1..16), 1..4),
    ) {
        block_on(async {
            let (home, index) = (Home::new().await, MemoryIndex::default());
            let mut known = HashSet::new();
            for seeds in packs {
                let raw = chunks(seeds.iter().copied());
                let before = index.begun();
                let taken = take(&home, &index, &pack(&raw)).await.unwrap();
                reads_back(&home, &taken, &raw).await;
                let new = seeds.into_iter().filter(|seed| known.insert(*seed)).count() as u64;
                assert_eq!(taken.new_frames, new);
                assert_eq!(index.begun() - before, u64::from(new > 0));
                // What was kept is itself a pack that holds no chunk twice.
                let kept: HashSet<_> = taken.frames.iter().map(|frame| (frame.pack, frame.offset)).collect();
                let sent: HashSet<_> = taken.frames.iter().map(|frame| frame.chunk).collect();
                assert_eq!(kept.len(), sent.len());
            }
            for (id, hash, size) in index.packs() {
                let object = std::fs::read(home.folder.path().join(pack_name(id))).unwrap();
                assert_eq!((ObjectHash::of(&object), object.len() as u64), (hash, size));
                let again = take(&Home::new().await, &MemoryIndex::default(), &object).await.unwrap();
                assert_eq!(again.new_frames, again.frames.len() as u64);
            }
            assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0);
        });
    }
}

#[tokio::test]
async fn a_pack_that_lies_is_refused_even_where_its_chunks_are_known() {
    let (home, index, honest) = (Home::new().await, MemoryIndex::default(), pack(&chunks(0..9)));
    take(&home, &index, &honest).await.unwrap();
    let mut frame = honest.clone();
    frame[30] ^= 1;
    let error = take(&home, &index, &frame).await.unwrap_err();
    assert!(matches!(error, AdoptPackError::Frame { index: 0, .. }), "{error:?}");
    for source in [honest[1..].to_vec(), honest[..honest.len() - 1].to_vec(), noise(1, 5000), Vec::new()] {
        let error = take(&home, &index, &source).await.unwrap_err();
        assert!(matches!(error, AdoptPackError::NotAPack(_)), "{error:?}");
    }
    assert_eq!((index.begun(), home.packs().await.len()), (1, 1));
    assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0);
}

#[tokio::test]
async fn a_source_that_is_larger_than_a_pack_is_not_read_to_its_end() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    let piece = bytes::Bytes::from(vec![0; 1 << 20]);
    let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
    let error = take_pack(&home.bucket, &index, endless).await.unwrap_err();
    assert!(
        matches!(error, AdoptPackError::NotAPack(PackError::TooLarge(size)) if size <= MAX_TAKEN + (1 << 20)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_source_that_breaks_off_is_told_apart_from_a_pack_that_lies() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    let broken = futures::stream::iter([Err(std::io::Error::other("gone"))]);
    let error = take_pack(&home.bucket, &index, broken).await.unwrap_err();
    assert!(matches!(error, AdoptPackError::Ingest(IngestError::Source(_))), "{error:?}");
}
