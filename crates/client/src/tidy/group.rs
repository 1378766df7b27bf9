//! Entries as people think of them: snapshots with their packs, and the rest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::SystemTime;

use snowbank_actions::client::rest::CacheEntry;

use super::{Kind, Kinds, Knowledge, may_name};

/// What belongs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group<'a> {
    /// A snapshot.
    Snapshot {
        /// Its index.
        index: &'a CacheEntry,
        /// Its packs; none when it is not known which they are.
        packs: Option<Members<'a>>,
    },
    /// Packs of a ref.
    Packs {
        /// The ref.
        scope: &'a str,
        /// The packs, at least one.
        packs: Vec<&'a CacheEntry>,
        /// Whether a snapshot whose packs are not known may name them.
        doubtful: bool,
    },
    /// Somebody else's entry.
    Other(&'a CacheEntry),
}

/// The packs of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members<'a> {
    /// Those that no newer snapshot names.
    pub own: Vec<&'a CacheEntry>,
    /// Those that a newer one names, too, under which they are counted.
    pub shared: Vec<&'a CacheEntry>,
    /// How many have gone.
    pub gone: u64,
}

impl Group<'_> {
    /// Bytes of all that is counted here.
    #[must_use]
    pub fn size(&self) -> u64 {
        let sum = |entries: &[&CacheEntry]| entries.iter().map(|entry| entry.size).sum::<u64>();
        match self {
            Self::Snapshot { index, packs } => index.size + packs.as_ref().map_or(0, |packs| sum(&packs.own)),
            Self::Packs { packs, .. } => sum(packs),
            Self::Other(entry) => entry.size,
        }
    }

    /// When any of it was last used.
    #[must_use]
    pub fn accessed(&self) -> SystemTime {
        self.latest(|entry| entry.accessed)
    }

    /// When the last of it was saved.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.latest(|entry| entry.created)
    }

    fn latest(&self, time: fn(&CacheEntry) -> SystemTime) -> SystemTime {
        let (entry, packs): (_, &[&CacheEntry]) = match self {
            Self::Snapshot { index, packs } => (Some(*index), packs.as_ref().map_or(&[], |packs| &packs.own)),
            Self::Packs { packs, .. } => (None, packs),
            Self::Other(entry) => (Some(*entry), &[]),
        };
        let times = packs.iter().copied().chain(entry).map(time);
        times.max().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// Puts together what belongs together, the last used first. Every entry is counted once: a pack under the newest
/// snapshot that names it.
#[must_use]
pub fn group<'a>(entries: &'a [CacheEntry], kinds: &Kinds, known: &Knowledge) -> Vec<Group<'a>> {
    let (mut indexes, mut packs, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match kinds.of(entry) {
            Kind::Index { .. } => indexes.push(entry),
            Kind::Pack => packs.push(entry),
            Kind::Other => groups.push(Group::Other(entry)),
        }
    }
    let mut by_key: HashMap<&str, Vec<&CacheEntry>> = HashMap::new();
    packs.iter().for_each(|pack| by_key.entry(&pack.key).or_default().push(pack));
    indexes.sort_by_key(|index| (std::cmp::Reverse(index.created), index.id));
    let mut claimed = HashSet::new();
    for &index in &indexes {
        let members = known.of(index).map(|keys| members(index, keys, &by_key, &mut claimed));
        groups.push(Group::Snapshot { index, packs: members });
    }
    let unknown: Vec<_> = indexes.iter().filter(|index| known.of(index).is_none()).collect();
    let mut rest: BTreeMap<(&str, bool), Vec<&CacheEntry>> = BTreeMap::new();
    for pack in packs.into_iter().filter(|pack| !claimed.contains(&pack.id)) {
        let doubtful = unknown.iter().any(|index| may_name(index, pack));
        rest.entry((&pack.scope, doubtful)).or_default().push(pack);
    }
    groups.extend(rest.into_iter().map(|((scope, doubtful), packs)| Group::Packs { scope, packs, doubtful }));
    groups.sort_by_key(|group| std::cmp::Reverse(group.accessed()));
    groups
}

fn members<'a>(
    index: &CacheEntry,
    keys: &HashSet<String>,
    packs: &HashMap<&str, Vec<&'a CacheEntry>>,
    claimed: &mut HashSet<u64>,
) -> Members<'a> {
    let mut members = Members::default();
    for key in keys {
        let all = packs.get(key.as_str()).map_or(&[][..], |all| all);
        // A job finds the pack of its own ref first.
        let own: Vec<_> = all.iter().copied().filter(|pack| pack.scope == index.scope).collect();
        let meant = if own.is_empty() { all.to_vec() } else { own };
        if meant.is_empty() {
            members.gone += 1;
        }
        for pack in meant {
            let list = if claimed.insert(pack.id) { &mut members.own } else { &mut members.shared };
            list.push(pack);
        }
    }
    members.own.sort_by_key(|pack| pack.id);
    members.shared.sort_by_key(|pack| pack.id);
    members
}
