use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use snowbank_cas::chunker::Params;
use snowbank_cas::frame::Decoder;
use snowbank_cas::id::ChunkHash;
use snowbank_cas::pack::{Footer, PackEntry};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar;
use tokio::sync::mpsc;

use super::{ClosedPack, Item, Outcome, ReadError, Reading, Shelf, read};
use crate::observer::Silence;

/// Small chunks, so that small trees have some.
fn params() -> Params {
    Params::new(256, 1024, 4096, 512).unwrap()
}

fn nar_of(file: &Path) -> Vec<u8> {
    nar::dump(file, Vec::new()).unwrap()
}

fn item(file: &Path) -> Item {
    let nar = nar_of(file);
    Item { file: file.to_owned(), nar_hash: NarHash::of(&nar), nar_size: nar.len() as u64 }
}

/// Reads items into packs of `target` bytes; the outcomes, the packs and the shelf.
fn packed(
    items: &[Item],
    target: u64,
    known: HashMap<ChunkHash, (u32, u32)>,
    stop: bool,
) -> (Vec<Outcome>, Vec<ClosedPack>, Shelf) {
    packed_within(u64::MAX, items, target, known, stop)
}

/// The same with room for so many bytes.
fn packed_within(
    room: u64,
    items: &[Item],
    target: u64,
    known: HashMap<ChunkHash, (u32, u32)>,
    stop: bool,
) -> (Vec<Outcome>, Vec<ClosedPack>, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let first = known.values().map(|(pack, _)| pack + 1).max().unwrap_or(0);
    let shelf = Shelf::new(folder.path().to_owned(), target, known, first);
    shelf.allow(room);
    let (packs, mut closed) = mpsc::channel(1000);
    let reading = Reading {
        items,
        shelf: &shelf,
        params: params(),
        check: true,
        level: 1,
        packs,
        observer: &Silence,
        stop: &AtomicBool::new(stop),
        dropped: &AtomicBool::new(false),
    };
    let outcomes = read(&reading).unwrap();
    drop(reading);
    let mut full = Vec::new();
    while let Some(pack) = closed.blocking_recv() {
        full.push(pack);
    }
    full.extend(shelf.finish().unwrap());
    full.sort_by_key(|pack| pack.number);
    (outcomes, full, shelf)
}

/// The chunks of a pack, checked against its footer.
fn chunks(pack: &ClosedPack) -> Vec<(ChunkHash, Vec<u8>)> {
    let mut bytes = vec![0; pack.pack.size as usize];
    pack.file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(*blake3::hash(&bytes).as_bytes(), *pack.pack.hash.as_bytes());
    let footer = &bytes[bytes.len() - pack.pack.footer_len as usize..];
    assert_eq!(*blake3::hash(footer).as_bytes(), *pack.pack.footer_hash.as_bytes());
    let footer = Footer::decode(footer, pack.pack.size).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let chunk = |(offset, entry): (u32, &PackEntry)| {
        let frame = &bytes[offset as usize..][..entry.stored_len as usize];
        (entry.chunk, decoder.decode(frame, entry.raw_len).unwrap().to_vec())
    };
    footer.entries_with_offsets().map(chunk).collect()
}

/// The streams that the outcomes' recipes make of the packs.
fn streams(outcomes: &[Outcome], packs: &[ClosedPack], shelf: &Shelf) -> Vec<Option<Vec<u8>>> {
    let packs: HashMap<_, _> = packs.iter().map(|pack| (pack.number, chunks(pack))).collect();
    let stream = |outcome: &Outcome| match outcome {
        Outcome::Left(_) => None,
        Outcome::Read(hashes) => Some(
            hashes
                .iter()
                .flat_map(|hash| {
                    let (pack, frame) = shelf.place(hash).unwrap();
                    packs[&pack][frame as usize].1.clone()
                })
                .collect(),
        ),
    };
    outcomes.iter().map(stream).collect()
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Item {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    item(&path)
}

fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// A frame of 10 000 bytes.
fn frame(encoder: &mut snowbank_cas::frame::Encoder, seed: u8) -> (PackEntry, Vec<u8>) {
    let raw = noise(seed, 10_000);
    let frame = encoder.encode(&raw).unwrap();
    let (raw_len, stored_len) = (raw.len() as u32, frame.len() as u32);
    let (chunk, hash) = (ChunkHash::of(&raw), snowbank_cas::id::FrameHash::of(&frame));
    (PackEntry { chunk, frame: hash, raw_len, stored_len }, frame)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn recipes_make_the_nars_again(
        files in prop::collection::vec(prop::collection::btree_map("[a-z]{1,4}", (0..9u8, 0..20_000usize), 0..6), 1..6),
        target in 1000..50_000u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let items: Vec<_> = files.iter().enumerate().map(|(at, files)| {
            let tree = folder.path().join(at.to_string());
            std::fs::create_dir(&tree).unwrap();
            files.iter().for_each(|(name, &(seed, length))| {
                std::fs::write(tree.join(name), noise(seed, length)).unwrap();
            });
            item(&tree)
        }).collect();
        let (outcomes, packs, shelf) = packed(&items, target, HashMap::new(), false);
        for (item, stream) in items.iter().zip(streams(&outcomes, &packs, &shelf)) {
            prop_assert_eq!(stream, Some(nar_of(&item.file)));
        }
        let all: Vec<_> = packs.iter().flat_map(chunks).map(|(hash, _)| hash).collect();
        let different: std::collections::HashSet<_> = all.iter().collect();
        prop_assert_eq!(different.len(), all.len(), "a chunk was stored twice");
    }
}

#[test]
fn a_file_shares_its_chunks_whatever_lies_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    std::fs::create_dir(&one).unwrap();
    std::fs::create_dir(&two).unwrap();
    let large = noise(1, 100_000);
    std::fs::write(one.join("m"), &large).unwrap();
    std::fs::write(two.join("a"), noise(2, 333)).unwrap();
    std::fs::write(two.join("some other name"), &large).unwrap();
    let (_, first, _) = packed(&[item(&one)], 1 << 20, HashMap::new(), false);
    let known = chunks(&first[0]).into_iter().zip(0u32..).map(|((hash, _), at)| (hash, (0, at))).collect();
    let (outcomes, second, _) = packed(&[item(&two)], 1 << 20, known, false);
    assert!(matches!(outcomes[0], Outcome::Read(_)));
    assert!(second[0].pack.size < 2000, "{} bytes are new", second[0].pack.size);
    assert_eq!(second[0].number, 1);
}

#[test]
fn what_differs_from_the_database_or_cannot_be_read_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good", b"good");
    let other = Item { nar_hash: NarHash::of(b"other"), ..write(folder.path(), "other", b"content") };
    let longer = Item { nar_size: 1, ..write(folder.path(), "longer", b"content") };
    let gone = write(folder.path(), "gone", b"gone");
    std::fs::remove_file(&gone.file).unwrap();
    let (outcomes, ..) = packed(&[good, other, longer, gone], 1 << 20, HashMap::new(), false);
    let why = |at: usize| match &outcomes[at] {
        Outcome::Left(why) => why.as_str(),
        Outcome::Read(_) => "read",
    };
    assert_eq!(why(0), "read");
    assert!(why(1).starts_with("its content has hash sha256:"), "{}", why(1));
    assert!(why(2).contains("bytes instead of 1"), "{}", why(2));
    assert!(why(3).contains("cannot read"), "{}", why(3));
}

#[test]
fn what_was_not_read_when_the_time_was_up_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let items = [write(folder.path(), "a", b"a"), write(folder.path(), "b", b"b")];
    let (outcomes, packs, _) = packed(&items, 1 << 20, HashMap::new(), true);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Left(_))));
    assert!(packs.is_empty());
}

#[test]
fn what_has_no_room_is_left_before_anything_of_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let items = [
        write(folder.path(), "large", &noise(1, 200_000)),
        write(folder.path(), "small", &noise(2, 20_000)),
        write(folder.path(), "smaller", &noise(3, 10_000)),
    ];
    let (outcomes, packs, shelf) = packed_within(40_000, &items, 1 << 20, HashMap::new(), false);
    assert!(
        matches!(&outcomes[0], Outcome::Left(why) if why.contains("may still be stored")),
        "{outcomes:?}"
    );
    let streams = streams(&outcomes[1..], &packs, &shelf);
    assert_eq!(streams, items[1..].iter().map(|item| Some(nar_of(&item.file))).collect::<Vec<_>>());
    let bytes: u64 = packs.iter().map(|pack| pack.pack.size).sum();
    assert!((30_000..40_000).contains(&bytes), "{bytes}");
}

#[test]
fn what_is_mostly_stored_already_needs_little_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = noise(1, 200_000);
    let before = write(folder.path(), "before", &content);
    let (_, first, _) = packed(&[before], 1 << 20, HashMap::new(), false);
    let known = chunks(&first[0]).into_iter().zip(0u32..).map(|((hash, _), at)| (hash, (0, at))).collect();
    content[100_000] ^= 1;
    let items = [write(folder.path(), "after", &content)];
    let (outcomes, packs, _) = packed_within(20_000, &items, 1 << 20, known, false);
    assert!(matches!(outcomes[0], Outcome::Read(_)), "{outcomes:?}");
    assert!(packs[0].pack.size < 10_000, "{}", packs[0].pack.size);
}

#[test]
fn what_turns_out_not_to_fit_costs_no_more_than_the_room() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path().to_owned(), 1 << 20, HashMap::new(), 0);
    shelf.allow(15_000);
    let mut encoder = snowbank_cas::frame::Encoder::new(1).unwrap();
    let frames = [1, 2].map(|seed| frame(&mut encoder, seed));
    let added = shelf.add(0, &frames).unwrap();
    assert!(added.refused && added.full.is_empty());
    let pack = &shelf.finish().unwrap()[0];
    assert_eq!(pack.lengths.len(), 1);
    assert!(pack.pack.size < 15_000);
}

#[test]
fn reading_ends_when_nobody_wants_the_packs() {
    let folder = tempfile::tempdir().unwrap();
    let items = [write(folder.path(), "a", &noise(1, 200_000))];
    let shelf = Shelf::new(folder.path().to_owned(), 10_000, HashMap::new(), 0);
    let (packs, closed) = mpsc::channel(1);
    drop(closed);
    let flag = AtomicBool::new(false);
    let reading = Reading {
        items: &items,
        shelf: &shelf,
        params: params(),
        check: true,
        level: 1,
        packs,
        observer: &Silence,
        stop: &flag,
        dropped: &flag,
    };
    assert!(matches!(read(&reading), Err(ReadError::Unwanted)));
}

#[test]
fn the_packs_of_all_readers_end_as_one_where_they_fit() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path().to_owned(), 100_000, HashMap::new(), 5);
    let mut encoder = snowbank_cas::frame::Encoder::new(1).unwrap();
    let mut frame = |seed| frame(&mut encoder, seed);
    let (one, two, three) = (vec![frame(1), frame(2)], vec![frame(3)], vec![frame(4), frame(1)]);
    for (reader, frames) in [(0, &one), (1, &two), (2, &three)] {
        assert!(shelf.add(reader, frames).unwrap().full.is_empty());
    }
    let packs = shelf.finish().unwrap();
    assert_eq!(packs.iter().map(|pack| pack.number).collect::<Vec<_>>(), [5]);
    let found = chunks(&packs[0]);
    assert_eq!(found.len(), 4);
    for (entry, _) in one.iter().chain(&two).chain(&three) {
        let (pack, frame) = shelf.place(&entry.chunk).unwrap();
        assert_eq!((pack, found[frame as usize].0), (5, entry.chunk));
    }
}
