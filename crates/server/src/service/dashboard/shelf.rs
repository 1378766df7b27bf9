//! A repository's entries as the dashboard lists them.

use std::collections::HashMap;

use snowbank_catalog::ids::{EntryId, RepoId};
use snowbank_catalog::rooms::{Entry, Listed, SortBy};

use super::fold::{self, Line, NamedPack, Order, Series};
use crate::service::snapshots::PACK_PREFIX;
use crate::service::{CacheQuery, Result, Service, Visitor};

/// Entries that are read and folded at the most, some 400 bytes each. What a repository has beyond them, a search finds.
const MOST: u64 = 5000;
/// Indexes that are looked at for one list, of those whose packs are not remembered yet a read of up to a mebibyte each.
const INDEXES: usize = 32;

/// Which lines are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfQuery {
    /// Only keys that begin so.
    pub key_prefix: Option<String>,
    /// Only this ref.
    pub scope: Option<String>,
    /// The order.
    pub order: Order,
    /// Largest or latest first.
    pub descending: bool,
    /// Lines left out before the first.
    pub offset: usize,
    /// Lines at most.
    pub limit: usize,
}

/// A page of a repository's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// Entries that are meant.
    pub entries: u64,
    /// How many of them were read, in the order that is asked for; the rest a narrower search finds.
    pub read: u64,
    /// Lines of those.
    pub lines: usize,
    /// The page.
    pub page: Vec<Line>,
}

impl Service {
    /// A page of what the visitor may see of a repository, folded.
    pub async fn shelf(&self, visitor: &Visitor, query: &ShelfQuery) -> Result<Shelf> {
        // Who searches for packs wants to see them, and where there are none, there are no snapshots to fold.
        let named = query.key_prefix.as_deref().is_some_and(fold::is_pack);
        if named || self.packs_of_repository(visitor, query, 0).await?.total == 0 {
            return self.unfolded(visitor, query).await;
        }
        let (sort, descending) = match query.order {
            // Which are read matters only where there are too many.
            Order::Key | Order::Scope => (SortBy::Accessed, true),
            order => (sort_by(order), query.descending),
        };
        let listed = self.repository_caches(visitor, &query.page(sort, descending, 0, MOST)).await?;
        let read = listed.entries.len() as u64;
        let entries = listed.entries.into_iter().map(|(_, entry)| entry).collect();
        let packs = match &query.key_prefix {
            None => None,
            Some(_) => {
                let packs = self.packs_of_repository(visitor, query, MOST).await?;
                Some(packs.entries.into_iter().map(|(_, entry)| entry).collect())
            }
        };
        let all = packs.is_none() && read == listed.total;
        let mut lines = self.folded(entries, packs, all).await;
        fold::sort(&mut lines, query.order, query.descending);
        let page = lines.iter().skip(query.offset).take(query.limit).cloned().collect();
        Ok(Shelf { entries: listed.total, read, lines: lines.len(), page })
    }

    /// A page of entries as they are, each a line.
    async fn unfolded(&self, visitor: &Visitor, query: &ShelfQuery) -> Result<Shelf> {
        let (offset, limit) = (query.offset as u64, query.limit as u64);
        let asked = query.page(sort_by(query.order), query.descending, offset, limit);
        let listed = self.repository_caches(visitor, &asked).await?;
        let page = listed.entries.into_iter().map(|(_, entry)| Line::Entry(entry)).collect();
        let lines = usize::try_from(listed.total).unwrap_or(usize::MAX);
        Ok(Shelf { entries: listed.total, read: listed.total, lines, page })
    }

    /// The packs that may belong to what is meant, the last used first.
    async fn packs_of_repository(&self, visitor: &Visitor, query: &ShelfQuery, limit: u64) -> Result<Listed> {
        let packs = ShelfQuery { key_prefix: Some(PACK_PREFIX.to_owned()), ..query.clone() };
        self.repository_caches(visitor, &packs.page(SortBy::Accessed, true, 0, limit)).await
    }

    /// Each pack goes to every series whose newest generation names it. Packs are among the entries, or come apart from
    /// them. `all` tells whether these are all entries of the repository: else a pack may belong to what is not seen.
    async fn folded(&self, entries: Vec<Entry>, packs: Option<Vec<Entry>>, all: bool) -> Vec<Line> {
        let searched = packs.is_some();
        let (mut lines, found) = fold::fold(entries);
        let packs = packs.unwrap_or(found);
        if packs.is_empty() {
            return lines;
        }
        let mut by_key: HashMap<(RepoId, &str), Vec<&Entry>> = HashMap::new();
        for pack in &packs {
            by_key.entry((pack.repo, &pack.slot.key)).or_default().push(pack);
        }
        fold::sort(&mut lines, Order::Accessed, true);
        let mut series: Vec<&mut Series> = lines
            .iter_mut()
            .filter_map(|line| match line {
                Line::Series(series) => Some(series),
                Line::Entry(_) | Line::Packs { .. } => None,
            })
            .collect();
        let all = all && series.len() <= INDEXES;
        let mut named: HashMap<EntryId, usize> = HashMap::new();
        for Series { generations, packs, .. } in series.iter_mut().take(INDEXES) {
            let Some((_, newest)) = generations.first() else { continue };
            let keys = self.packs_named_by(newest.id, newest.repo, &newest.slot).await;
            let found = keys.iter().filter_map(|key| by_key.get(&(newest.repo, key.as_str()))).flatten();
            packs.extend(found.map(|pack| NamedPack { entry: (*pack).clone(), shared: !all }));
            packs.iter().for_each(|pack| *named.entry(pack.entry.id).or_default() += 1);
        }
        for pack in series.iter_mut().flat_map(|series| &mut series.packs) {
            pack.shared |= named.get(&pack.entry.id).is_some_and(|times| *times > 1);
        }
        let left: Vec<Entry> = packs.iter().filter(|pack| !named.contains_key(&pack.id)).cloned().collect();
        if !left.is_empty() && !searched {
            lines.push(Line::Packs { packs: left });
        }
        lines
    }
}

impl ShelfQuery {
    /// A page of the entries that are meant.
    fn page(&self, sort: SortBy, descending: bool, offset: u64, limit: u64) -> CacheQuery {
        let (key_prefix, scope) = (self.key_prefix.clone(), self.scope.clone());
        CacheQuery { key_prefix, scope, sort, descending, offset, limit }
    }
}

fn sort_by(order: Order) -> SortBy {
    match order {
        Order::Key => SortBy::Key,
        Order::Scope => SortBy::Scope,
        Order::Size => SortBy::Size,
        Order::Accessed => SortBy::Accessed,
        Order::Created => SortBy::Created,
    }
}
