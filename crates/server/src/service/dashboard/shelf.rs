//! A repository's entries as the dashboard lists them.

use std::collections::HashMap;

use snowbank_catalog::ids::{EntryId, RepoId};
use snowbank_catalog::rooms::{Entry, SortBy};

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
        let (sort, descending) = match query.order {
            Order::Created => (SortBy::Created, query.descending),
            Order::Size => (SortBy::Size, query.descending),
            Order::Accessed => (SortBy::Accessed, query.descending),
            // Which are read matters only where there are too many.
            Order::Key | Order::Scope => (SortBy::Accessed, true),
        };
        let asked = CacheQuery {
            key_prefix: query.key_prefix.clone(),
            scope: query.scope.clone(),
            sort,
            descending,
            offset: 0,
            limit: MOST,
        };
        let listed = self.repository_caches(visitor, &asked).await?;
        let read = listed.entries.len() as u64;
        let entries = listed.entries.into_iter().map(|(_, entry)| entry).collect();
        // Who searches for packs wants to see them.
        let named = query.key_prefix.as_deref().is_some_and(fold::is_pack);
        let mut lines = match &query.key_prefix {
            _ if named => plain(entries),
            None => self.folded(entries, None, read == listed.total).await,
            Some(_) => {
                let key_prefix = Some(PACK_PREFIX.to_owned());
                let packs = self.repository_caches(visitor, &CacheQuery { key_prefix, ..asked }).await?;
                let packs = packs.entries.into_iter().map(|(_, entry)| entry).collect();
                self.folded(entries, Some(packs), false).await
            }
        };
        fold::sort(&mut lines, query.order, query.descending);
        let page = lines.iter().skip(query.offset).take(query.limit).cloned().collect();
        Ok(Shelf { entries: listed.total, read, lines: lines.len(), page })
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

fn plain(entries: Vec<Entry>) -> Vec<Line> {
    entries.into_iter().map(Line::Entry).collect()
}
