use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use snowbank_actions::client::rest::CacheEntry;
use snowbank_actions::scope::Scopes;
use snowbank_nix::store_path::StoreDir;

use super::*;
use crate::series::Versions;

const MAIN: &str = "refs/heads/main";
const PULL: &str = "refs/pull/7/merge";

fn hour(number: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(number * 3600)
}

fn versions() -> Versions {
    Versions::new("x86_64-linux", &StoreDir::default())
}

/// An entry that was saved and last used at these hours.
fn entry(id: u64, scope: &str, key: &str, version: &str, hours: [u64; 2]) -> CacheEntry {
    let [created, accessed] = hours.map(hour);
    let (scope, key, version) = (scope.to_owned(), key.to_owned(), version.to_owned());
    CacheEntry { id, scope, key, version, size: 10 + id, created, accessed }
}

fn index(id: u64, scope: &str, key: &str, hours: [u64; 2]) -> CacheEntry {
    entry(id, scope, key, &versions().index, hours)
}

fn pack(id: u64, scope: &str, name: &str, hours: [u64; 2]) -> CacheEntry {
    entry(id, scope, &pack_key(name), &versions().pack, hours)
}

fn pack_key(name: &str) -> String {
    format!("snowbank-pack-{name}")
}

fn know(entries: &[CacheEntry], named: &[(u64, &[&str])]) -> Knowledge {
    let mut known = Knowledge::default();
    for (id, names) in named {
        let index = entries.iter().find(|entry| entry.id == *id).unwrap();
        known.learn(index, names.iter().map(|name| pack_key(name)));
    }
    known
}

fn ids(entries: &[&CacheEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id).collect()
}

fn plan<'a>(entries: &'a [CacheEntry], published: u64) -> Superseded<'a> {
    let published = entries.iter().find(|entry| entry.id == published).unwrap();
    let scopes = Scopes { write: Some(MAIN.to_owned()), read: vec![MAIN.to_owned()] };
    superseded(entries, true, &Kinds::default(), published, Some(&scopes))
}

#[test]
fn only_our_own_entries_are_taken_for_ours() {
    let kinds = Kinds::default();
    let other = Versions::new("aarch64-darwin", &StoreDir::default());
    let Kind::Index { series, generation: 3 } = kinds.of(&entry(1, MAIN, "k#3", &other.index, [0, 0])) else {
        panic!("it is an index")
    };
    assert_eq!(series.as_str(), "k");
    assert!(kinds.is_index(&index(1, MAIN, "k", [0, 0])));
    assert!(kinds.is_pack(&pack(1, MAIN, "a", [0, 0])));
    // Buildkit numbers its indexes, too.
    assert_eq!(kinds.of(&entry(1, MAIN, "index-x-1-0a#3", "b00c", [0, 0])), Kind::Other);
    assert_eq!(kinds.of(&entry(1, MAIN, "snowbank-pack-a", "b00c", [0, 0])), Kind::Other);
    let foreign = Versions::new("x86_64-linux", &StoreDir::new("/gnu/store").unwrap());
    assert_eq!(kinds.of(&entry(1, MAIN, "k#3", &foreign.index, [0, 0])), Kind::Other);
}

#[test]
fn generations_behind_the_newest_two_are_superseded() {
    let entries = [
        index(1, MAIN, "k#1", [1, 1]),
        index(2, MAIN, "k#2", [2, 90]),
        index(3, MAIN, "k#10", [3, 90]),
        index(4, MAIN, "k#11", [90, 90]),
        index(5, PULL, "k#3", [4, 90]),
        index(6, MAIN, "other#1", [4, 90]),
        index(7, MAIN, "k", [4, 90]),
        entry(8, MAIN, "k#4", &Versions::new("aarch64-linux", &StoreDir::default()).index, [4, 90]),
    ];
    assert_eq!(ids(&plan(&entries, 4).generations), [1, 2]);
    assert!(plan(&entries, 7).generations.is_empty(), "a key that is saved once supersedes nothing");
}

#[test]
fn packs_that_nothing_names_and_nobody_used_go() {
    let entries = [
        index(1, MAIN, "k#1", [1, 90]),
        index(2, MAIN, "k#2", [40, 90]),
        index(3, MAIN, "k#3", [100, 100]),
        pack(4, MAIN, "old", [1, 70]),
        pack(5, MAIN, "named", [1, 70]),
        pack(6, MAIN, "used", [1, 80]),
        pack(7, PULL, "elsewhere", [1, 1]),
        entry(8, MAIN, "snowbank-pack-foreign", "b00c", [1, 1]),
    ];
    let plan = plan(&entries, 3);
    assert_eq!((ids(&plan.generations), ids(&plan.packs)), (vec![1], vec![5, 4]));
    assert_eq!(ids(&plan.read), [3, 2], "what goes need not be read");
    let known = know(&entries, &[(2, &["named"]), (3, &["used"])]);
    assert_eq!(ids(&plan.unnamed(&known)), [4]);
    assert!(plan.unnamed(&know(&entries, &[(2, &[])])).is_empty(), "one could not be read");
}

#[test]
fn in_doubt_packs_stay() {
    let entries = [
        index(1, MAIN, "k#1", [1, 90]),
        index(2, MAIN, "k#2", [90, 90]),
        index(3, MAIN, "k#3", [100, 100]),
        pack(4, MAIN, "old", [1, 60]),
        pack(5, MAIN, "newer", [60, 60]),
        index(6, MAIN, "other#1", [50, 51]),
    ];
    assert_eq!(ids(&plan(&entries, 3).packs), [5], "what an index may name that is left to age out");
    let published = &entries[2];
    let scopes = Scopes::read_write(MAIN);
    let plan = |complete, scopes: Option<&Scopes>| {
        let plan = superseded(&entries, complete, &Kinds::default(), published, scopes);
        (ids(&plan.generations), ids(&plan.packs))
    };
    assert_eq!(plan(false, Some(&scopes)), (vec![1], vec![]));
    assert_eq!(plan(true, None), (vec![1], vec![]));
}

#[test]
fn one_save_deletes_fifty_at_the_most() {
    let mut entries: Vec<_> =
        (1..=70).map(|number| index(number, MAIN, &format!("k#{number}"), [number, 90])).collect();
    entries.push(pack(100, MAIN, "old", [1, 1]));
    let many = plan(&entries, 70);
    assert_eq!((ids(&many.generations), many.packs.len()), ((1..=50).collect(), 0));
    entries.drain(..40);
    entries.extend((101..200).map(|id| pack(id, MAIN, &id.to_string(), [1, 1])));
    let many = plan(&entries, 70);
    assert_eq!((many.generations.len(), ids(&many.read)), (28, vec![70, 69]));
    let unnamed = many.unnamed(&know(&entries, &[(70, &[]), (69, &["199"])]));
    assert_eq!((unnamed.len(), unnamed[0].id), (22, 198), "the largest first");
}

#[test]
fn a_job_reads_what_a_lookup_gives_it() {
    let entries = [
        index(1, MAIN, "k#1", [1, 1]),
        index(2, PULL, "k#1", [2, 2]),
        index(3, MAIN, "k#2", [3, 3]),
        index(4, "refs/heads/dev", "k#3", [4, 4]),
    ];
    let scopes = Scopes { write: None, read: vec![PULL.to_owned(), MAIN.to_owned()] };
    assert_eq!(ids(&readable(&entries, &Kinds::default(), Some(&scopes))), [3, 2]);
    assert_eq!(ids(&readable(&entries, &Kinds::default(), None)), [4, 3]);
}

#[test]
fn snapshots_are_shown_with_their_packs() {
    let entries = [
        index(1, MAIN, "k#1", [1, 9]),
        index(2, MAIN, "k#2", [2, 5]),
        pack(3, MAIN, "both", [1, 3]),
        pack(4, MAIN, "new", [1, 3]),
        pack(5, MAIN, "none", [1, 20]),
        entry(6, MAIN, "npm", "b00c", [7, 7]),
        pack(7, PULL, "both", [1, 3]),
    ];
    let known = know(&entries, &[(1, &["both", "gone"]), (2, &["both", "new"])]);
    let groups = group(&entries, &Kinds::default(), &known);
    let [
        Group::Packs { packs: none, doubtful: false, .. },
        first,
        Group::Other(npm),
        second,
        Group::Packs { scope: PULL, .. },
    ] = &groups[..]
    else {
        panic!("{groups:#?}")
    };
    assert_eq!((ids(none), npm.id), (vec![5], 6));
    let members = |group: &Group<'_>| match group {
        Group::Snapshot { index, packs: Some(Members { own, shared, gone }) } => {
            (index.id, ids(own), ids(shared), *gone)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(members(first), (1, vec![], vec![3], 1));
    assert_eq!(members(second), (2, vec![3, 4], vec![], 0));
    assert_eq!(second.size(), 12 + 13 + 14);
    let unknown = group(&entries, &Kinds::default(), &Knowledge::default());
    assert!(
        unknown.iter().any(
            |group| matches!(group, Group::Packs { scope: MAIN, packs, doubtful: true } if packs.len() == 3)
        ),
        "{unknown:#?}"
    );
}

#[test]
fn a_deletion_frees_what_nothing_else_names() {
    let entries = [
        index(1, MAIN, "k#1", [1, 9]),
        index(2, MAIN, "k#2", [5, 9]),
        index(3, "refs/heads/dev", "k#3", [3, 9]),
        pack(4, MAIN, "old", [1, 3]),
        pack(5, MAIN, "shared", [1, 3]),
        pack(6, MAIN, "young", [4, 5]),
    ];
    let freed = |known: &[(u64, &[&str])], going: &[u64]| {
        let (known, going) = (know(&entries, known), going.iter().copied().collect());
        let freed = freed(&entries, &Kinds::default(), &known, &going);
        (ids(&freed.packs), ids(&freed.doubtful), freed.unknown)
    };
    let all: [(u64, &[&str]); 3] = [(1, &["old", "shared"]), (2, &["shared", "young"]), (3, &[])];
    assert_eq!(freed(&all, &[1]), (vec![4], vec![], 0));
    assert_eq!(freed(&all, &[1, 2]), (vec![4, 5, 6], vec![], 0));
    assert_eq!(freed(&all[..2], &[1, 2]), (vec![6], vec![4, 5], 0), "dev may name what was there before it");
    assert_eq!(freed(&[], &[1]), (vec![], vec![], 1));
    assert_eq!(freed(&all, &[1, 4]), (vec![], vec![], 0), "what goes anyhow is not freed");
}

/// A repository: entries by kind, ref, number and hours, and what its indexes name.
fn repository() -> impl Strategy<Value = (Vec<CacheEntry>, Knowledge)> {
    let one = (0..4u8, 0..3usize, 1..8u64, 0..100u64, 0..100u64, any::<u16>(), prop::bool::weighted(0.8));
    prop::collection::vec(one, 1..40).prop_map(|drawn| {
        let scopes = [MAIN, PULL, "refs/heads/dev"];
        let mut entries = vec![index(1000, MAIN, "k#9", [100, 100])];
        let mut known = Knowledge::default();
        for (id, (kind, scope, number, created, used, names, read)) in (1..).zip(drawn) {
            let (scope, hours) = (scopes[scope], [created, (created + used).min(100)]);
            let entry = match kind {
                0 => index(id, scope, &format!("k#{number}"), hours),
                1 => index(id, scope, &format!("other#{number}"), hours),
                2 => pack(id, scope, &number.to_string(), hours),
                _ => entry(id, scope, &format!("x#{number}"), "b00c", hours),
            };
            if kind < 2 && read {
                let named = (1..8u64).filter(|number| names >> number & 1 == 1);
                known.learn(&entry, named.map(|number| pack_key(&number.to_string())));
            }
            entries.push(entry);
        }
        known.learn(&entries[0], [pack_key("1")]);
        (entries, known)
    })
}

proptest! {
    #[test]
    fn nothing_that_is_needed_is_superseded((entries, known) in repository()) {
        let scopes = Scopes::read_write(MAIN);
        let plan = superseded(&entries, true, &Kinds::default(), &entries[0], Some(&scopes));
        let packs = plan.unnamed(&known);
        prop_assert!(plan.generations.len() + packs.len() <= 50);
        let going: HashSet<u64> = plan.generations.iter().chain(&packs).map(|entry| entry.id).collect();
        prop_assert!(!going.contains(&1000));
        let stay = |entry: &&CacheEntry| !going.contains(&entry.id);
        let series = entries.iter().filter(|entry| entry.scope == MAIN && entry.key.starts_with("k#"));
        let (left, all) = (series.clone().filter(stay).count(), series.count());
        prop_assert!(left >= all.min(2));
        for entry in entries.iter().filter(|entry| going.contains(&entry.id)) {
            prop_assert_eq!(&entry.scope, MAIN);
            let superseded = entry.key.starts_with("k#") && entry.version == versions().index;
            prop_assert!(superseded || Kinds::default().is_pack(entry));
        }
        for pack in packs {
            prop_assert!(pack.accessed + Duration::from_secs(24 * 3600) <= hour(100));
            for index in readable(&entries, &Kinds::default(), Some(&scopes)).into_iter().filter(stay) {
                let names = known.of(index).is_none_or(|keys| keys.contains(&pack.key));
                prop_assert!(!(names && may_name(index, pack)), "{index:?} may name {pack:?}");
            }
        }
    }

    #[test]
    fn every_entry_is_shown_once((entries, known) in repository()) {
        let groups = group(&entries, &Kinds::default(), &known);
        let mut shown = Vec::new();
        for group in &groups {
            match group {
                Group::Snapshot { index, packs } => {
                    shown.push(index.id);
                    shown.extend(packs.iter().flat_map(|packs| ids(&packs.own)));
                }
                Group::Packs { packs, .. } => shown.extend(ids(packs)),
                Group::Other(entry) => shown.push(entry.id),
            }
        }
        shown.sort_unstable();
        let mut all: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        all.sort_unstable();
        prop_assert_eq!(shown, all);
        let size: u64 = groups.iter().map(Group::size).sum();
        prop_assert_eq!(size, entries.iter().map(|entry| entry.size).sum::<u64>());
    }

    #[test]
    fn nothing_that_is_needed_is_freed((entries, known) in repository(), choice: u64) {
        let going: HashSet<u64> =
            entries.iter().map(|entry| entry.id).filter(|id| choice >> (id % 64) & 1 == 1).collect();
        let freed = freed(&entries, &Kinds::default(), &known, &going);
        for pack in freed.packs {
            prop_assert!(!going.contains(&pack.id));
            let stay = entries.iter().filter(|entry| Kinds::default().is_index(entry) && !going.contains(&entry.id));
            for index in stay {
                prop_assert!(known.of(index).map_or(!may_name(index, pack), |keys| !keys.contains(&pack.key)));
            }
        }
    }
}
