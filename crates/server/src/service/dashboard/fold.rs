//! Entries as lines of a list: a series of snapshots is one line, with its generations and its packs folded away. Pure.

use std::cmp::Ordering;
use std::collections::HashMap;

use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::Entry;

use crate::service::snapshots::{PACK_PREFIX, generation};

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The key's bytes.
    Key,
    /// The ref's.
    Scope,
    /// The size.
    Size,
    /// When it was last used.
    Accessed,
    /// When it was made.
    Created,
}

/// A line of a repository's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entry.
    Entry(Entry),
    /// The generations of a key, `K#n`, with the packs that the newest of them names.
    Series(Series),
    /// Packs of snapshots that no series here is known to name.
    Packs {
        /// The packs.
        packs: Vec<Entry>,
    },
}

/// Generations of one key, ref and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The key without a generation's number.
    pub key: String,
    /// Each with its number; the newest first, never none.
    pub generations: Vec<(u64, Entry)>,
    /// The packs that the newest names, as far as they are there.
    pub packs: Vec<NamedPack>,
}

/// A pack that a series names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPack {
    /// The pack.
    pub entry: Entry,
    /// Whether another series may name it, too.
    pub shared: bool,
}

impl Line {
    /// The entries that it stands for, each with whether another line stands for it, too.
    fn all(&self) -> impl Iterator<Item = (&Entry, bool)> {
        let (own, series, named): (&[Entry], &[(u64, Entry)], &[NamedPack]) = match self {
            Self::Entry(entry) => (std::slice::from_ref(entry), &[], &[]),
            Self::Series(series) => (&[], &series.generations, &series.packs),
            Self::Packs { packs } => (packs, &[], &[]),
        };
        let own = own.iter().chain(series.iter().map(|(_, entry)| entry)).map(|entry| (entry, false));
        own.chain(named.iter().map(|pack| (&pack.entry, pack.shared)))
    }

    /// The entries that it stands for.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.all().map(|(entry, _)| entry)
    }

    /// The entries that nothing else in the repository needs.
    pub fn own(&self) -> impl Iterator<Item = &Entry> {
        self.all().filter(|(_, shared)| !shared).map(|(entry, _)| entry)
    }

    /// Bytes of all of them, as uploaded.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries().map(|entry| entry.size).fold(0, u64::saturating_add)
    }

    /// The key that it is listed under.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Entry(entry) => &entry.slot.key,
            Self::Series(series) => &series.key,
            Self::Packs { .. } => PACK_PREFIX,
        }
    }

    /// The ref; none where it has no one ref.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        match self {
            Self::Entry(entry) => Some(&entry.slot.scope),
            Self::Series(series) => series.generations.first().map(|(_, entry)| entry.slot.scope.as_str()),
            Self::Packs { .. } => None,
        }
    }

    /// When one of its entries was last used. Packs are noted just after their index, which is the same use.
    #[must_use]
    pub fn accessed(&self) -> Timestamp {
        self.entries().map(|entry| entry.accessed).max().unwrap_or(Timestamp(0))
    }

    /// When its newest entry was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.entries().map(|entry| entry.created).max().unwrap_or(Timestamp(0))
    }

    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let own = match order {
            Order::Key => self.key().cmp(other.key()),
            Order::Scope => self.scope().cmp(&other.scope()),
            Order::Size => self.size().cmp(&other.size()),
            Order::Accessed => self.accessed().cmp(&other.accessed()),
            Order::Created => self.created().cmp(&other.created()),
        };
        own.then_with(|| self.key().cmp(other.key())).then_with(|| self.scope().cmp(&other.scope()))
    }
}

/// Whether a key is a pack's.
pub(super) fn is_pack(key: &str) -> bool {
    key.starts_with(PACK_PREFIX)
}

/// Folds entries: packs apart from what names them.
pub(super) fn fold(entries: Vec<Entry>) -> (Vec<Line>, Vec<Entry>) {
    let (packs, others): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| is_pack(&entry.slot.key));
    let mut lines = Vec::new();
    let mut series: HashMap<(String, String, String), Vec<(u64, Entry)>> = HashMap::new();
    for entry in others {
        match generation(&entry.slot.key) {
            Some((key, number)) => {
                let of = (key.to_owned(), entry.slot.scope.clone(), entry.slot.version.clone());
                series.entry(of).or_default().push((number, entry));
            }
            None => lines.push(Line::Entry(entry)),
        }
    }
    for ((key, ..), mut generations) in series {
        generations.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        lines.push(Line::Series(Series { key, generations, packs: Vec::new() }));
    }
    (lines, packs)
}

/// Sorts lines; those that are equal by key and ref, so that pages fit together.
pub(super) fn sort(lines: &mut [Line], order: Order, descending: bool) {
    lines.sort_by(|a, b| if descending { b.compare(a, order) } else { a.compare(b, order) });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snowbank_catalog::ids::{EntryId, RepoId};
    use snowbank_catalog::rooms::Slot;

    use super::*;

    fn entry(id: i64, key: &str, scope: &str) -> Entry {
        let slot = Slot { scope: scope.to_owned(), key: key.to_owned(), version: "v".to_owned() };
        let time = Timestamp(id * 1000);
        Entry {
            id: EntryId(id),
            repo: RepoId(1),
            slot,
            size: id.unsigned_abs(),
            created: time,
            accessed: time,
        }
    }

    #[test]
    fn generations_are_one_line_for_each_ref() {
        let entries = vec![
            entry(1, "nix#1", "main"),
            entry(2, "nix#10", "main"),
            entry(3, "nix#2", "main"),
            entry(4, "nix#1", "pull"),
            entry(5, "npm", "main"),
            entry(6, "snowbank-pack-00", "main"),
        ];
        let (mut lines, packs) = fold(entries);
        sort(&mut lines, Order::Key, false);
        let told: Vec<_> = lines.iter().map(|line| (line.key(), line.scope(), line.size())).collect();
        assert_eq!(told, [("nix", Some("main"), 6), ("nix", Some("pull"), 4), ("npm", Some("main"), 5)]);
        let Line::Series(series) = &lines[0] else { panic!("{lines:?}") };
        assert_eq!(series.generations.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [10, 2, 1]);
        assert_eq!(packs.len(), 1);
    }

    proptest! {
        #[test]
        fn every_entry_is_in_one_place(keys in prop::collection::vec("[ab]{0,2}(#[0-9]{0,2})?|snowbank-pack-[ab]", 0..30)) {
            let entries: Vec<_> = (1..).zip(&keys).map(|(id, key)| entry(id, key, "main")).collect();
            let (lines, packs) = fold(entries.clone());
            let mut ids: Vec<_> = lines.iter().flat_map(Line::entries).chain(&packs).map(|entry| entry.id).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, entries.iter().map(|entry| entry.id).collect::<Vec<_>>());
        }
    }
}
