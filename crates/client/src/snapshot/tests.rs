use std::collections::HashSet;

use proptest::prelude::*;

use super::samples::{info, name, snapshot};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_comes_back_as_it_was(snapshot in snapshot()) {
        let bytes = snapshot.encode().unwrap();
        prop_assert_eq!(&Snapshot::decode(&bytes).unwrap(), &snapshot);
        prop_assert_eq!(snapshot.encode().unwrap(), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_snapshot(bytes: Vec<u8>) {
        prop_assert!(Snapshot::decode(&bytes).is_err());
    }

    #[test]
    fn damage_is_noticed_or_does_no_harm(snapshot in snapshot(), at: prop::sample::Index, bit in 0..8u32) {
        let mut bytes = snapshot.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // Zstandard leaves bits unused, and the same content can be written in many ways.
        prop_assert!(Snapshot::decode(&bytes).map_or(true, |read| read == snapshot));
    }

    #[test]
    fn an_honest_hash_over_any_message_is_read_without_harm(message: Vec<u8>) {
        let _ = Snapshot::decode(&wrapped(&message, VERSION));
    }

    #[test]
    fn united_snapshots_hold_the_paths_of_both_with_their_own_packs(one in snapshot(), other in snapshot()) {
        let united = one.clone().unite(&other);
        let names: HashSet<_> = one.paths.keys().chain(other.paths.keys()).collect();
        prop_assert_eq!(united.paths.keys().collect::<HashSet<_>>(), names);
        for (name, path) in &united.paths {
            let (from, theirs) = match one.paths.get(name) {
                Some(path) => (&one, path),
                None => (&other, &other.paths[name]),
            };
            prop_assert_eq!(named(&united, &path.source), named(from, &theirs.source));
            prop_assert!(one.paths.get(name).is_none_or(|ours| path.unused <= ours.unused));
        }
        let used: HashSet<_> = one.used.iter().chain(&other.used).collect();
        prop_assert_eq!(united.used.iter().collect::<HashSet<_>>(), used);
        prop_assert!(united.used.starts_with(&one.used));
        prop_assert_eq!(&Snapshot::decode(&united.encode().unwrap()).unwrap(), &united);
    }

    #[test]
    fn frames_of_a_recipe_are_those_that_were_pushed(frames in prop::collection::vec((0..3u32, 0..5u32), 0..40)) {
        let mut recipe = Recipe::default();
        frames.iter().for_each(|&(pack, frame)| recipe.push(pack, frame));
        prop_assert_eq!(recipe.frames().collect::<Vec<_>>(), frames);
    }
}

/// Runs with the packs themselves instead of their numbers.
fn named(snapshot: &Snapshot, source: &Source) -> Option<Vec<(PackRef, u32, u32)>> {
    let Source::Packs(recipe) = source else { return None };
    let run = |run: &Run| (snapshot.packs[run.pack as usize].clone(), run.first, run.count);
    Some(recipe.0.iter().map(run).collect())
}

fn wrapped(message: &[u8], version: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((message.len() as u64).to_le_bytes());
    bytes.extend(blake3::hash(message).as_bytes());
    bytes.extend(zstd::bulk::compress(message, 1).unwrap());
    bytes
}

fn of_paths(paths: impl IntoIterator<Item = wire::Path>) -> Result<Snapshot, SnapshotError> {
    let pack =
        wire::Pack { hash: vec![0; 32], size: 500, footer_len: 100, footer_hash: vec![0; 32], copy: 0 };
    let paths = paths.into_iter().collect();
    let index = wire::Index { dir: "/nix/store".into(), packs: vec![pack], paths, ..wire::Index::default() };
    Snapshot::decode(&wrapped(&prost::Message::encode_to_vec(&index), VERSION))
}

fn good() -> wire::Path {
    let (name, nar_hash) = (name(1).to_string(), vec![0; 32]);
    wire::Path { name, nar_hash, nar_size: 200, runs: vec![0, 0, 1], ..wire::Path::default() }
}

#[test]
fn a_newer_format_says_so() {
    let error = Snapshot::decode(&wrapped(b"", VERSION + 1)).unwrap_err();
    assert!(error.to_string().starts_with("the index was made by a newer Snowbank"), "{error}");
}

#[test]
fn an_index_that_lies_about_its_size_is_refused() {
    let mut bytes = wrapped(&[0; 100], VERSION);
    bytes[12..20].copy_from_slice(&(MAX_MESSAGE + 1).to_le_bytes());
    assert!(matches!(Snapshot::decode(&bytes), Err(SnapshotError::TooLarge { .. })));
    bytes[12..20].copy_from_slice(&50u64.to_le_bytes());
    assert!(matches!(Snapshot::decode(&bytes), Err(SnapshotError::Damaged(_))));
}

#[test]
fn what_cannot_be_is_refused() {
    assert!(of_paths([good()]).is_ok());
    let bad = [
        wire::Path { name: "../../etc/passwd".into(), ..good() },
        wire::Path { name: format!("{}/../../x", good().name), ..good() },
        wire::Path { nar_hash: vec![0; 31], ..good() },
        wire::Path { references: vec![1], ..good() },
        wire::Path { deriver: "x".into(), ..good() },
        wire::Path { signatures: vec!["unsigned".into()], ..good() },
        wire::Path { ca: "fixed:sha256:0".into(), ..good() },
        wire::Path { runs: vec![], ..good() },
        wire::Path { runs: vec![0, 0], ..good() },
        wire::Path { runs: vec![1, 0, 1], ..good() },
        wire::Path { runs: vec![0, 0, 0], ..good() },
        wire::Path { runs: vec![0, u32::MAX, 2], ..good() },
        wire::Path { runs: vec![0, 4096, 1], ..good() },
    ];
    for path in bad {
        assert!(of_paths([path.clone()]).is_err(), "{path:?}");
    }
    assert!(of_paths([good(), good()]).is_err());
    let circle = [
        wire::Path { references: vec![1], ..good() },
        wire::Path { name: name(2).to_string(), references: vec![0], ..good() },
    ];
    assert!(of_paths(circle).is_err());
}

#[test]
fn a_pack_that_was_stored_again_has_another_key() {
    let hash = ObjectHash::from_bytes([1; 32]);
    let pack = PackRef { hash, size: 9, footer_len: 1, footer_hash: hash, copy: 0 };
    assert_eq!(pack.key(), format!("snowbank-pack-{}", "01".repeat(32)));
    assert_eq!(PackRef { copy: 2, ..pack.clone() }.key(), format!("{}-2", pack.key()));
}

#[test]
fn a_dropped_path_takes_along_what_refers_to_it() {
    let mut snapshot = Snapshot::default();
    for (number, references) in [(1, &[][..]), (2, &[1]), (3, &[2, 3]), (4, &[])] {
        let info = info(number, references);
        snapshot.paths.insert(info.path.clone(), SavedPath { info, source: Source::Upstream, unused: 0 });
    }
    assert_eq!(snapshot.drop_paths(|path| path.info.path == name(1)), 3);
    assert_eq!(snapshot.paths.keys().collect::<Vec<_>>(), [&name(4)]);
}
