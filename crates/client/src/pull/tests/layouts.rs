//! Packs that nobody stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use snowbank_cas::id::ChunkHash;
use snowbank_cas::pack::{Footer, PackEntry};
use snowbank_nix::hash::NarHash;

use super::server::{chunk, row};
use crate::pull::layout::{Layout, Origin};
use crate::pull::local::{Local, frame};
use crate::pull::source::{Counts, PulledPacks};
use crate::restore::PackSource;
use crate::site::{Effort, Site};

/// NARs by the seeds of their chunks, and which chunks are in local files.
fn laid_out(
    nars: &[Vec<u32>],
    local: &[u32],
) -> (PulledPacks, Vec<crate::snapshot::PackRef>, Vec<crate::snapshot::Recipe>) {
    let chunks =
        local.iter().map(|&seed| (ChunkHash::of(&chunk(seed)), Origin { of: 0, start: u64::from(seed) }));
    let local = Local { files: Vec::new(), chunks: chunks.collect() };
    let mut layout = Layout::default();
    let mut recipes = Vec::new();
    for (number, seeds) in nars.iter().enumerate() {
        let entries: Vec<PackEntry> = rows(seeds).into_iter().map(|(entry, _)| entry).collect();
        recipes.push(layout.add(number as u32, &entries, &local));
    }
    let (packs, references) = layout.finish();
    let effort = Effort { attempts: 1, wait: Duration::from_secs(1) };
    let site = Site::new("http://127.0.0.1:1/nix/x".parse().unwrap(), None, "test", effort).unwrap();
    let nars = (0..nars.len()).map(|number| NarHash::of(&number.to_le_bytes())).collect();
    let counts = Arc::<Counts>::default();
    (PulledPacks { site, packs: packs.into(), nars, local: Arc::new(local), counts }, references, recipes)
}

fn rows(seeds: &[u32]) -> Vec<(PackEntry, Vec<u8>)> {
    row(&seeds.iter().map(|&seed| chunk(seed)).collect::<Vec<_>>())
}

fn nars() -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<u32>)> {
    let nar = prop::collection::vec(1..30_u32, 1..20);
    (prop::collection::vec(nar, 1..6), prop::collection::vec(1..30_u32, 0..10))
}

proptest! {
    #[test]
    fn recipes_name_the_chunks_of_their_nars_and_each_is_stored_once((nars, local) in nars()) {
        let (source, references, recipes) = laid_out(&nars, &local);
        let mut seen = HashMap::new();
        for (at, pack) in source.packs.iter().enumerate() {
            for (place, entry) in pack.entries.iter().enumerate() {
                prop_assert!(seen.insert(entry.chunk, (at, place)).is_none(), "laid out twice");
                prop_assert_eq!(pack.is_local, source.local.chunks.contains_key(&entry.chunk));
            }
            let footer = Footer::decode(&pack.footer, references[at].size).unwrap();
            prop_assert_eq!(&footer.entries, &pack.entries);
        }
        for (seeds, recipe) in nars.iter().zip(recipes) {
            let named = recipe.0.iter().flat_map(|run| {
                source.packs[run.pack as usize].entries[run.first as usize..][..run.count as usize].iter()
            });
            let named: Vec<_> = named.map(|entry| entry.chunk).collect();
            let wanted: Vec<_> = seeds.iter().map(|&seed| ChunkHash::of(&chunk(seed))).collect();
            prop_assert_eq!(named, wanted);
        }
    }

    #[test]
    fn any_range_of_a_pack_is_the_pieces_that_it_is_asked_for_by((nars, local) in nars(), ends in any::<(u64, u64)>()) {
        let (source, ..) = laid_out(&nars, &local);
        let bytes: HashMap<Vec<u8>, Vec<u8>> = nars
            .iter()
            .zip(&source.nars)
            .map(|(seeds, hash)| (hash.bytes().to_vec(), rows(seeds).into_iter().flat_map(|(_, frame)| frame).collect()))
            .collect();
        let frames: HashMap<_, _> = nars.iter().flat_map(|seeds| rows(seeds)).map(|(entry, frame)| (entry.chunk, frame)).collect();
        for pack in source.packs.iter().filter(|pack| !pack.is_local) {
            let whole: Vec<u8> = pack.entries.iter().flat_map(|entry| frames[&entry.chunk].clone()).collect();
            prop_assert_eq!(whole.len() as u64, pack.stored());
            let (one, other) = (ends.0 % pack.stored(), ends.1 % pack.stored());
            let range = one.min(other)..one.max(other) + 1;
            let pieces = source.pieces(pack, &range);
            let got: Vec<u8> =
                pieces.iter().flat_map(|piece| bytes[&piece.nar][piece.start as usize..piece.end as usize].to_vec()).collect();
            prop_assert!(got == whole[range.start as usize..range.end as usize]);
            let touch = pieces.windows(2).any(|two| two[0].nar == two[1].nar && two[0].end == two[1].start);
            prop_assert!(!touch, "neighbours are one piece");
        }
    }
}

#[tokio::test]
async fn a_footer_is_read_as_that_of_a_stored_pack() {
    let (source, references, _) = laid_out(&[vec![1, 2, 3]], &[2]);
    for pack in &references {
        let at = source.locate(pack).await.unwrap().unwrap();
        let tail = source.read(&at, pack.size - u64::from(pack.footer_len)..pack.size).await.unwrap();
        assert_eq!(tail.total, pack.size);
        Footer::decode(&tail.bytes, pack.size).unwrap();
    }
    let unknown = crate::snapshot::PackRef { copy: 9, ..references[0].clone() };
    assert_eq!(source.locate(&unknown).await.unwrap(), None);
}

#[tokio::test]
async fn chunks_of_local_files_come_as_frames() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, [b"before".as_slice(), &chunk(1), &chunk(2)].concat()).unwrap();
    let (mut source, ..) = laid_out(&[vec![1, 2]], &[1, 2]);
    let start = |seed| if seed == 1 { 6 } else { 6 + chunk(1).len() as u64 };
    let chunks = [1, 2].map(|seed| (ChunkHash::of(&chunk(seed)), Origin { of: 0, start: start(seed) }));
    let local = Local { files: vec![file], chunks: chunks.into() };
    let mut layout = Layout::default();
    let entries: Vec<PackEntry> = rows(&[1, 2]).into_iter().map(|(entry, _)| entry).collect();
    layout.add(0, &entries, &local);
    (source.packs, source.local) = (layout.finish().0.into(), Arc::new(local));
    let mut whole = Vec::new();
    [1, 2].iter().for_each(|&seed| frame::append(&chunk(seed), &mut whole));
    for range in [0..whole.len(), 5..9, whole.len() - 1..whole.len()] {
        let read = source.read(&0, range.start as u64..range.end as u64).await.unwrap();
        assert!(read.bytes == whole[range]);
    }
    std::fs::write(&source.local.files[0], b"short").unwrap();
    assert!(source.read(&0, 0..9).await.is_err());
}
