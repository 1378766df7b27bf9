//! Moving what is alive.

use std::collections::HashMap;

use snowbank_cas::assemble;
use snowbank_cas::bucket::pack_name;
use snowbank_cas::collect::{PackUse, RepackRule, plan_repack, repack};
use snowbank_cas::id::PackId;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::Plan;
use snowbank_cas::pack::object_size;
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_cas::verify::verify;

use crate::support::{Home, gather, noise};

fn moved(pages: &[RecipePage], places: &HashMap<(PackId, u32), FrameRef>) -> Vec<RecipePage> {
    let place = |frame: &FrameRef| places.get(&(frame.pack, frame.offset)).copied().unwrap_or(*frame);
    let frames = |page: &RecipePage| page.frames.iter().map(place).collect();
    pages.iter().map(|page| RecipePage { frames: frames(page), ..page.clone() }).collect()
}

#[tokio::test]
async fn a_recipe_survives_the_packs_that_it_was_moved_out_of() {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    // Every fourth block of the first stream is in the second one.
    let blocks: Vec<_> = (0..40).map(|seed| noise(seed, 20_000)).collect();
    home.store(&index, &blocks.concat(), Plan::Plain).await.unwrap();
    let kept: Vec<u8> = blocks.iter().step_by(4).flatten().copied().collect();
    let recipe = index.next_recipe();
    let ingested = home.store(&recipe, &kept, Plan::Plain).await.unwrap();

    let mut live = HashMap::<_, u64>::new();
    let mut frames: Vec<_> = recipe.pages().into_iter().flat_map(|page| page.frames).collect();
    frames.sort_unstable_by_key(|frame| (frame.pack, frame.offset));
    frames.dedup();
    for frame in &frames {
        let live = live.entry(frame.pack).or_insert(object_size(0, 0));
        *live += object_size(1, frame.stored_len.into()) - object_size(0, 0);
    }
    let uses: Vec<_> = index
        .packs()
        .into_iter()
        .map(|(pack, _, size)| PackUse { pack, size, live: live.get(&pack).copied().unwrap_or(0) })
        .collect();
    let sparse = plan_repack(&uses, RepackRule { live_percent: 50, wanted: 0, reserve: 1 << 30 });
    assert!(sparse.len() > 5, "{uses:?}");

    frames.retain(|frame| sparse.contains(&frame.pack));
    let twice = [frames.clone(), frames.clone()].concat();
    let repacked = repack(&home.bucket, &index, twice, 64 << 10).await.unwrap();
    assert!(repacked.damaged.is_empty());
    assert_eq!(repacked.moved.len(), frames.len());
    for pack in &sparse {
        home.bucket.delete(&pack_name(*pack)).await.unwrap();
    }
    let pages = moved(&recipe.pages(), &repacked.moved);
    verify(&home.bucket, pages.clone(), &ingested).await.unwrap();
    assert!(gather(assemble::chunks(&home.bucket, pages, 0..ingested.raw_size)).await.unwrap() == kept);
}

#[tokio::test]
async fn a_damaged_frame_is_named_and_stays() {
    let home = Home::new().await;
    let index = MemoryIndex::default();
    home.store(&index, &noise(1, 100_000), Plan::Plain).await.unwrap();
    let frames: Vec<_> = index.pages().into_iter().flat_map(|page| page.frames).collect();
    let victim = frames[3];
    let file = home.folder.path().join(pack_name(victim.pack));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[victim.offset as usize + 20] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let repacked = repack(&home.bucket, &index, frames.clone(), 64 << 10).await.unwrap();
    assert_eq!(repacked.moved.len(), frames.len() - 1);
    assert_eq!(repacked.damaged.len(), 1);
    assert_eq!((repacked.damaged[0].pack, repacked.damaged[0].offset), (victim.pack, victim.offset));
}
