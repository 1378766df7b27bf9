//! The order in which entries go: the least recently used first.

use std::collections::HashMap;

use snowbank_catalog::ids::EntryId;

use crate::service::{Result, Service};

/// Bytes that an order and its ledger take at most: for each entry 16 in the list, up to 39 in the table, 16 in the
/// ledger, and as much again as the list while that grows.
pub(super) const MEMORY: u64 = 16 << 20;
/// Entries that take part in one eviction at the most: the least recently used ones.
const ENTRIES: usize = 200_000;
/// Entries read in one statement.
const PAGE: u64 = 1000;

/// A place in the order of going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u32);

impl Rank {
    /// Of what no visible entry shows: it is on its way out, or still being made.
    pub(super) const NOBODY: Self = Self(0);
    /// Of an entry that does not go, and of what binary caches serve: they have their own retention.
    pub(super) const STAYS: Self = Self(u32::MAX);

    /// Of the entry at this place from 0 on.
    pub(super) fn of(place: usize) -> Self {
        Self(u32::try_from(place + 1).unwrap_or(u32::MAX))
    }

    /// The place of the entry; nothing for one that does not go, and for nobody.
    pub(super) fn place(self) -> Option<usize> {
        if self == Self::NOBODY || self == Self::STAYS { None } else { Some(self.0 as usize - 1) }
    }
}

/// Entries in the order of going. Those that are not listed stay.
#[derive(Default)]
pub(super) struct Order {
    listed: Vec<(EntryId, u64)>,
    ranks: HashMap<EntryId, Rank>,
}

impl Order {
    /// The listed entries, each with its size as uploaded.
    pub(super) fn entries(&self) -> &[(EntryId, u64)] {
        &self.listed
    }

    /// The place of an entry.
    pub(super) fn rank(&self, entry: EntryId) -> Rank {
        self.ranks.get(&entry).copied().unwrap_or(Rank::STAYS)
    }

    fn add(&mut self, entry: EntryId, size: u64) {
        if let std::collections::hash_map::Entry::Vacant(vacant) = self.ranks.entry(entry) {
            vacant.insert(Rank::of(self.listed.len()));
            self.listed.push((entry, size));
        }
    }
}

impl Service {
    /// The entries of all repositories in the order of going, each with its size: `first` and then the others.
    pub(super) async fn order(&self, first: &[(EntryId, u64)]) -> Result<Order> {
        let mut order = Order::default();
        for (entry, size) in first {
            order.add(*entry, *size);
        }
        let mut seen = 0;
        while order.listed.len() < first.len() + ENTRIES {
            let page = self.0.catalog.coldest(None, seen, PAGE).await?;
            if page.is_empty() {
                break;
            }
            seen += page.len() as u64;
            for entry in page {
                order.add(entry.id, entry.size);
            }
        }
        Ok(order)
    }
}
