//! Snapshots for tests.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use snowbank_cas::id::ObjectHash;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::{SecretKey, Signature};
use snowbank_nix::store::{Derivation, Realisation, RealisationId};
use snowbank_nix::store_path::StorePath;

use super::{PackRef, Recipe, Run, SavedPath, SavedTree, Snapshot, Source};

/// A signature of something else: what is in a snapshot is not judged by it.
static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| SecretKey::generate("key-1").unwrap().sign(b""));

/// The path of a number.
pub(crate) fn name(number: u32) -> StorePath {
    format!("{number:032}-path").parse().unwrap()
}

/// An info of that path.
pub(crate) fn info(number: u32, references: &[u32]) -> PathInfo {
    PathInfo {
        path: name(number),
        nar_hash: NarHash::of(&number.to_le_bytes()),
        nar_size: 1000,
        references: references.iter().map(|&number| name(number)).collect(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    }
}

fn pack() -> impl Strategy<Value = PackRef> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), 200..1_000_000u64, 1..200u32, 0..3u32).prop_map(
        |(hash, footer_hash, size, footer_len, copy)| PackRef {
            hash: ObjectHash::from_bytes(hash),
            size,
            footer_len,
            footer_hash: ObjectHash::from_bytes(footer_hash),
            copy,
        },
    )
}

fn recipe(packs: u32) -> impl Strategy<Value = Recipe> {
    let run = (0..packs, 0..4000u32, 1..96u32).prop_map(|(pack, first, count)| Run { pack, first, count });
    prop::collection::vec(run, 1..6).prop_map(Recipe)
}

/// A path as numbers say: what it refers to, whether it is upstream's, how it is signed and so on.
fn path(packs: u32) -> impl Strategy<Value = (Vec<u32>, u8, Recipe, u32)> {
    (prop::collection::vec(0..30u32, 0..5), any::<u8>(), recipe(packs), 0..4u32)
}

/// Any snapshot.
pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    (1..5u32)
        .prop_flat_map(|packs| {
            let paths = prop::collection::vec(path(packs), 1..30);
            let trees = prop::collection::btree_map("[a-z]{1,9}", (recipe(packs), any::<u64>()), 0..3);
            (prop::collection::vec(pack(), packs as usize), paths, trees, "[a-z0-9]{0,9}")
        })
        .prop_map(|(packs, paths, trees, run)| {
            let mut snapshot = Snapshot { packs, run, ..Snapshot::default() };
            for ((references, flags, recipe, unused), number) in paths.into_iter().zip(0u32..) {
                // Only to earlier ones, and to itself: no circles.
                let references: Vec<_> = references.into_iter().map(|one| one % (number + 1)).collect();
                let mut info = info(number, &references);
                if flags & 1 > 0 {
                    info.signatures.insert(SIGNATURE.clone());
                }
                info.deriver = (flags & 2 > 0).then(|| name(number + 100));
                let ca = "fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib";
                info.ca = (flags & 4 > 0).then(|| ca.parse().unwrap());
                if flags & 24 == 0 {
                    let derivation = Derivation::Path(name(number + 100));
                    let id = RealisationId { derivation, output: "out".into() };
                    let needs = BTreeSet::from([id.clone()]);
                    let path = info.path.clone();
                    snapshot.realisations.push(Realisation { id, path, signatures: BTreeSet::new(), needs });
                }
                if flags & 64 > 0 {
                    snapshot.used.insert(0, info.path.clone());
                }
                let source = if flags & 32 > 0 { Source::Upstream } else { Source::Packs(recipe) };
                snapshot.paths.insert(info.path.clone(), SavedPath { info, source, unused });
            }
            for (name, (recipe, nar_size)) in trees {
                snapshot.trees.insert(name, SavedTree { nar_hash: NarHash::of(b""), nar_size, recipe });
            }
            snapshot
        })
}
