use proptest::prelude::*;
use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash};
use snowbank_cas::pack::{Footer, PackEntry};
use snowbank_nix::hash::NarHash;

use super::*;
use crate::snapshot::samples::{info, name};
use crate::snapshot::{PackRef, Recipe, SavedPath, SavedTree, Source};

/// A path by numbers: how many generations did not use it, what it refers to, and its frames as packs and places.
type Sample<'a> = (u32, &'a [u32], &'a [(u32, u32)]);

/// A pack of frames with these lengths.
fn footer(pack: usize, lengths: &[u32]) -> Footer {
    let entry = |(at, &stored_len): (usize, &u32)| {
        let name = [pack as u8, at as u8];
        PackEntry { chunk: ChunkHash::of(&name), frame: FrameHash::of(&name), raw_len: 100, stored_len }
    };
    Footer { entries: lengths.iter().enumerate().map(entry).collect(), chunker_version: 1 }
}

fn recipe(frames: &[(u32, u32)]) -> Recipe {
    let mut recipe = Recipe::default();
    frames.iter().for_each(|&(pack, frame)| recipe.push(pack, frame));
    recipe
}

/// The snapshot of packs and paths, which are numbered in their order, and the packs' footers.
fn sample(packs: &[&[u32]], paths: &[Sample<'_>]) -> (Snapshot, HashMap<u32, Footer>) {
    let mut snapshot = Snapshot::default();
    let mut footers = HashMap::new();
    for (at, lengths) in packs.iter().enumerate() {
        let footer = footer(at, lengths);
        let hash = ObjectHash::from_bytes([at as u8; 32]);
        let tail = footer.encode().len() as u64;
        let size = lengths.iter().map(|&length| u64::from(length)).sum::<u64>() + tail;
        snapshot.packs.push(PackRef { hash, size, footer_len: tail as u32, footer_hash: hash, copy: 0 });
        footers.insert(at as u32, footer);
    }
    for ((unused, references, frames), number) in paths.iter().zip(0..) {
        let info = info(number, references);
        let source = if frames.is_empty() { Source::Upstream } else { Source::Packs(recipe(frames)) };
        snapshot.paths.insert(info.path.clone(), SavedPath { info, source, unused: *unused });
    }
    (snapshot, footers)
}

/// Bounds it; what this save wants is what was not unused at all.
fn bounded(
    snapshot: &mut Snapshot,
    footers: &HashMap<u32, Footer>,
    most: u64,
) -> (Bounded, BTreeMap<u32, Live>) {
    let unused: HashMap<_, _> =
        snapshot.paths.iter().map(|(name, path)| (name.clone(), path.unused)).collect();
    let lengths = footers.iter().map(|(&pack, footer)| (pack, lengths(footer))).collect();
    let bounded = bound(snapshot, &lengths, u32::MAX, |path| unused[path] == 0, most);
    (bounded, to_carry(snapshot, footers, most))
}

/// What the packs take once those are carried over: what is needed of all of these in one.
fn size(snapshot: &Snapshot, carried: &BTreeMap<u32, Live>) -> u64 {
    let used: HashSet<_> = snapshot.recipes().flat_map(|recipe| &recipe.0).map(|run| run.pack).collect();
    let stay = used.iter().filter(|pack| !carried.contains_key(pack));
    let whole: u64 = stay.map(|&pack| snapshot.packs[pack as usize].size).sum();
    let moved: Vec<_> = carried.values().flatten().map(|(.., entry)| *entry).collect();
    let tail = Footer { entries: moved.clone(), chunker_version: 1 }.encode().len() as u64;
    let moved: u64 = moved.iter().map(|entry| u64::from(entry.stored_len)).sum();
    whole + if carried.is_empty() { 0 } else { moved + tail }
}

fn numbers(snapshot: &Snapshot) -> Vec<u32> {
    (0..100).filter(|&number| snapshot.paths.contains_key(&name(number))).collect()
}

#[test]
fn nothing_goes_that_need_not() {
    let (mut snapshot, footers) = sample(&[&[1000, 1000]], &[(2, &[], &[(0, 0)]), (0, &[], &[(0, 1)])]);
    let before = snapshot.clone();
    let most = snapshot.packs[0].size;
    assert_eq!(bounded(&mut snapshot, &footers, most), (Bounded::default(), BTreeMap::new()));
    assert_eq!(snapshot, before);
}

#[test]
fn the_longest_unused_goes_first_with_what_refers_to_it_and_then_the_largest() {
    let packs: &[&[u32]] = &[&[1000], &[1000], &[1000], &[1000], &[1000]];
    let paths: &[Sample<'_>] = &[
        (1, &[], &[(0, 0)]),
        (2, &[], &[(1, 0)]),
        (2, &[1], &[(2, 0)]),
        (1, &[], &[(3, 0)]),
        (0, &[], &[(4, 0)]),
    ];
    let (mut all, footers) = sample(packs, paths);
    all.paths.get_mut(&name(3)).unwrap().info.nar_size = 9000;
    let one = all.packs[0].size;
    let expected: [&[u32]; 5] = [&[0, 1, 2, 3, 4], &[0, 1, 3, 4], &[0, 3, 4], &[0, 4], &[4]];
    for (went, expected) in expected.into_iter().enumerate() {
        let mut snapshot = all.clone();
        let (bounded, _) = bounded(&mut snapshot, &footers, one * (5 - went as u64));
        assert_eq!(numbers(&snapshot), expected);
        assert_eq!((bounded.dropped, bounded.left), (went as u64, vec![]));
    }
}

#[test]
fn what_is_needed_of_a_sparse_pack_is_carried_over_as_far_as_it_must_be() {
    // A third of each pack is wanted.
    let packs: &[&[u32]] = &[&[1000; 3], &[1000; 3]];
    let paths: &[Sample<'_>] =
        &[(0, &[], &[(0, 0)]), (1, &[], &[(0, 1), (0, 2), (1, 1), (1, 2)]), (0, &[], &[(1, 0)])];
    let (all, footers) = sample(packs, paths);
    let both = all.packs[0].size * 2;
    let outcome = |most: u64| {
        let mut snapshot = all.clone();
        let (bounded, carried) = bounded(&mut snapshot, &footers, most);
        (bounded.dropped, bounded.left.len(), carried.into_keys().collect::<Vec<_>>())
    };
    assert_eq!(outcome(both), (0, 0, vec![]));
    assert_eq!(outcome(both - 1), (1, 0, vec![0]));
    assert_eq!(outcome(both / 2), (1, 0, vec![0, 1]));
}

#[test]
fn denser_packs_are_carried_over_before_what_is_wanted_goes() {
    let packs: &[&[u32]] = &[&[1000; 10]];
    let wanted: Vec<_> = (0..7).map(|frame| (0, frame)).collect();
    let (mut snapshot, footers) = sample(packs, &[(0, &[], &wanted)]);
    let most = snapshot.packs[0].size * 9 / 10;
    let (bounded, carried) = bounded(&mut snapshot, &footers, most);
    assert_eq!((bounded, carried.len()), (Bounded::default(), 1));
}

#[test]
fn what_is_wanted_goes_last_and_what_refers_to_it_before() {
    let packs: &[&[u32]] = &[&[1000], &[1000], &[1000]];
    let paths: &[Sample<'_>] = &[(0, &[], &[(0, 0)]), (0, &[0], &[(1, 0)]), (1, &[], &[(2, 0)])];
    let (mut snapshot, footers) = sample(packs, paths);
    let tree = SavedTree { nar_hash: NarHash::of(b""), nar_size: 5, recipe: recipe(&[(2, 0)]) };
    snapshot.trees.insert("cache".into(), tree);
    let most = snapshot.packs[0].size;
    let (bounded, _) = bounded(&mut snapshot, &footers, most);
    assert_eq!(numbers(&snapshot), [0]);
    assert_eq!(bounded, Bounded { dropped: 1, left: vec![name(1)], trees: 1 });
}

#[test]
fn room_is_counted_by_frames_each_once() {
    let (_, footers) = sample(&[&[10, 20], &[30]], &[]);
    let recipes = [recipe(&[(0, 0), (1, 0)]), recipe(&[(1, 0)])];
    assert_eq!(needed(recipes.iter(), &footers), 10 + 30 + 2 * 72);
}

/// Packs as lengths of frames; paths as unused, references and frames, each by any number.
type Numbers = (Vec<Vec<u32>>, Vec<(u32, Vec<u32>, Vec<(u32, u32)>)>);

fn any_sample() -> impl Strategy<Value = Numbers> {
    let packs = prop::collection::vec(prop::collection::vec(1..5000u32, 1..8), 1..6);
    let path = (
        0..4u32,
        prop::collection::vec(any::<u32>(), 0..4),
        prop::collection::vec((any::<u32>(), any::<u32>()), 0..6),
    );
    (packs, prop::collection::vec(path, 1..20))
}

/// As generations are: references are to earlier paths, and what is used needs only what is used.
fn sound((packs, mut paths): Numbers) -> Numbers {
    for at in (0..paths.len()).rev() {
        let unused = paths[at].0;
        for reference in 0..paths[at].1.len() {
            let to = paths[at].1[reference] as usize % (at + 1);
            paths[at].1[reference] = to as u32;
            paths[to].0 = paths[to].0.min(unused);
        }
        for (pack, frame) in &mut paths[at].2 {
            *pack %= packs.len() as u32;
            *frame %= packs[*pack as usize].len() as u32;
        }
    }
    (packs, paths)
}

proptest! {
    #[test]
    fn it_is_within_the_bound_and_a_closure_and_what_is_wanted_outlives_the_rest(
        numbers in any_sample().prop_map(sound),
        most in 0..60_000u64,
    ) {
        let (packs, paths) = numbers;
        let packs: Vec<_> = packs.iter().map(Vec::as_slice).collect();
        let paths: Vec<_> = paths.iter().map(|(unused, to, frames)| (*unused, &**to, &**frames)).collect();
        let (before, footers) = sample(&packs, &paths);
        let mut after = before.clone();
        let (bounded, carried) = bounded(&mut after, &footers, most);
        // A pack that is carried over may take some bytes less than it counts, never more.
        prop_assert!(size(&after, &carried) <= most || after.paths.is_empty(), "{} bytes", size(&after, &carried));
        for path in after.paths.values() {
            prop_assert!(path.info.references.iter().all(|to| after.paths.contains_key(to)));
        }
        let gone = before.paths.iter().filter(|(name, _)| !after.paths.contains_key(*name));
        let least = gone.clone().map(|(_, path)| path.unused).min();
        let most_unused = after.paths.values().map(|path| path.unused).max();
        // What stays was never longer unused than what goes.
        prop_assert!(least.zip(most_unused).is_none_or(|(gone, stays)| stays <= gone));
        let wanted = gone.clone().filter(|(_, path)| path.unused == 0).count();
        prop_assert_eq!(bounded.left.len(), wanted);
        prop_assert_eq!(bounded.dropped as usize, gone.count() - wanted);
    }
}
