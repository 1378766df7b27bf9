//! Packs of our own format that somebody else sends.

use snowbank_cas::assemble;
use snowbank_cas::bucket::pack_name;
use snowbank_cas::id::ObjectHash;
use snowbank_cas::index::ChunkIndex;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{AdoptPackError, Plan, adopt_pack};
use snowbank_cas::recipe::RecipePage;

use crate::support::{Home, gather, noise, pieces, words};

/// A pack as some client made it.
async fn pack(raw: &[u8]) -> Vec<u8> {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    home.store(&index, raw, Plan::Plain).await.unwrap();
    let (pack, _, _) = index.packs()[0];
    std::fs::read(home.folder.path().join(pack_name(pack))).unwrap()
}

#[tokio::test]
async fn an_honest_pack_is_kept_as_it_lies_and_its_chunks_are_found() {
    let raw = words(1, 60_000);
    let sent = pack(&raw).await;
    let home = Home::new().await;
    let index = MemoryIndex::default();
    let adopted = adopt_pack(&home.bucket, &index, pieces(&sent, 1000)).await.unwrap();
    assert_eq!((adopted.hash, adopted.size), (ObjectHash::of(&sent), sent.len() as u64));
    assert!(std::fs::read(home.folder.path().join(pack_name(adopted.pack))).unwrap() == sent);
    assert_eq!(index.find(&[adopted.frames[0].chunk]).await.unwrap(), [Some(adopted.frames[0])]);
    let pages = vec![RecipePage { raw_start: 0, stored_start: 0, frames: adopted.frames }];
    let chunks = assemble::chunks(&home.bucket, pages, 0..raw.len() as u64);
    assert!(gather(chunks).await.unwrap() == raw);
    // The same stream adds nothing now.
    let again = home.store(&index.next_recipe(), &raw, Plan::Plain).await.unwrap();
    assert_eq!(again.new_frames, 0);
}

#[tokio::test]
async fn a_pack_that_lies_is_refused_and_leaves_nothing() {
    let honest = pack(&words(1, 60_000)).await;
    let mut frame = honest.clone();
    frame[30] ^= 1;
    let mut footer = honest.clone();
    let end = footer.len();
    footer[end - 60] ^= 1;
    let sources =
        [frame, footer, honest[..end - 1].to_vec(), honest[1..].to_vec(), noise(1, 5000), Vec::new()];
    for (place, source) in sources.into_iter().enumerate() {
        let home = Home::new().await;
        let index = MemoryIndex::default();
        let error = adopt_pack(&home.bucket, &index, pieces(&source, 999)).await.unwrap_err();
        let by_frame = matches!(error, AdoptPackError::Frame { index: 0, .. });
        assert!(
            by_frame == (place == 0) && (by_frame || matches!(error, AdoptPackError::NotAPack(_))),
            "{error:?}"
        );
        assert_eq!((index.begun(), home.packs().await.len()), (0, 0));
        assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0);
    }
}
