//! Access times, gathered in memory and written in batches: a hit must not cost a write.
//!
//! A snapshot is an index and the packs that it names, all entries of their own. Whoever uses or saves an index has used
//! its packs, whether he asked for them or not; they count as used just after it. So an index goes before the packs that
//! no other index names, and never a pack before the last index that names it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use snowbank_catalog::ids::{EntryId, PathId, RepoId};
use snowbank_catalog::rooms::{Listing, Slot, SortBy};

use super::snapshots::{LOOKED_AT, MAX_INDEX, PACK_PREFIX, packs_of_index};
use super::{Result, Service};

/// A batch is at most this many entries, so that one statement stays small.
const BATCH: usize = 1000;

/// Indexes that are looked at in a batch; and those whose packs are remembered.
const INDEXES: usize = 1000;

/// Longer than a step of the database's clock.
const STEP: Duration = Duration::from_millis(2);

/// Entries used since the last batch was written.
#[derive(Default)]
pub(super) struct AccessLog {
    used: Mutex<HashSet<EntryId>>,
    /// Paths of binary caches.
    paths: Mutex<HashSet<PathId>>,
    /// What may be an index.
    indexes: Mutex<HashMap<EntryId, (RepoId, Slot)>>,
    /// The keys of the packs of indexes that were looked at; none for what is no index.
    packs: Mutex<HashMap<EntryId, Arc<[String]>>>,
}

impl AccessLog {
    /// Notes that an entry was used.
    pub(super) fn note(&self, entry: EntryId, repo: RepoId, slot: &Slot, size: u64) {
        lock(&self.used).insert(entry);
        let mut indexes = lock(&self.indexes);
        if may_be_index(slot, size) && indexes.len() < INDEXES {
            indexes.insert(entry, (repo, slot.clone()));
        }
    }

    /// Notes that a binary cache told of a path.
    pub(super) fn note_path(&self, path: PathId) {
        lock(&self.paths).insert(path);
    }
}

fn may_be_index(slot: &Slot, size: u64) -> bool {
    size <= MAX_INDEX && !slot.key.starts_with(PACK_PREFIX)
}

impl Service {
    /// Writes the access times that have gathered. Called every few seconds, before limits are enforced, and at
    /// the end; what a crash loses is seconds of recency, never content.
    pub async fn write_access_times(&self) -> Result<()> {
        let used: Vec<_> = lock(&self.0.access.used).drain().collect();
        let indexes: Vec<_> = lock(&self.0.access.indexes).drain().collect();
        for batch in used.chunks(BATCH) {
            self.0.catalog.touch(batch).await?;
        }
        let paths: Vec<_> = lock(&self.0.access.paths).drain().collect();
        for batch in paths.chunks(BATCH) {
            self.0.catalog.touch_paths(batch).await?;
        }
        self.touch_packs(indexes, false).await
    }

    /// The packs of an index that was just saved count as used now: limits may be enforced at once.
    pub(super) async fn saved(&self, entry: EntryId, repo: RepoId, slot: &Slot, size: u64) -> Result<()> {
        if may_be_index(slot, size) {
            self.touch_packs(vec![(entry, (repo, slot.clone()))], true).await
        } else {
            Ok(())
        }
    }

    async fn touch_packs(&self, indexes: Vec<(EntryId, (RepoId, Slot))>, saved: bool) -> Result<()> {
        let mut packs = HashSet::new();
        let mut packs_of_repos = HashMap::new();
        for (index, (repo, slot)) in indexes {
            let entries = match packs_of_repos.entry(repo) {
                Entry::Occupied(known) => &*known.into_mut(),
                Entry::Vacant(new) => &*new.insert(self.packs_in(repo).await?),
            };
            if entries.is_empty() {
                continue;
            }
            let keys = self.packs_named_by(index, repo, &slot).await;
            let named: Vec<_> = keys.iter().filter_map(|key| entries.get(key)).flatten().copied().collect();
            packs.extend(&named);
            if saved && !named.is_empty() {
                self.0.events.parts(index, named);
            }
        }
        if packs.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(STEP).await;
        for batch in packs.into_iter().collect::<Vec<_>>().chunks(BATCH) {
            self.0.catalog.touch(batch).await?;
        }
        Ok(())
    }

    /// The entries of packs in a repository, by their keys.
    async fn packs_in(&self, repo: RepoId) -> Result<HashMap<String, Vec<EntryId>>> {
        let mut found: HashMap<String, Vec<EntryId>> = HashMap::new();
        let mut offset = 0;
        loop {
            let page = self
                .0
                .catalog
                .list(&Listing {
                    repo: Some(repo),
                    key_prefix: Some(PACK_PREFIX.to_owned()),
                    offset,
                    ..Listing::first(BATCH as u64, SortBy::Created, true)
                })
                .await?;
            offset += page.entries.len() as u64;
            let last = page.entries.len() < BATCH;
            for (_, entry) in page.entries {
                found.entry(entry.slot.key).or_default().push(entry.id);
            }
            if last {
                return Ok(found);
            }
        }
    }

    /// The keys of the packs that an entry names, if it is an index. One that cannot be read names none.
    pub(super) async fn packs_named_by(&self, index: EntryId, repo: RepoId, slot: &Slot) -> Arc<[String]> {
        if let Some(known) = lock(&self.0.access.packs).get(&index) {
            return Arc::clone(known);
        }
        let keys: Arc<[String]> = match self.beginning(index, repo, slot).await {
            Ok(beginning) => packs_of_index(&beginning).into(),
            Err(error) => {
                tracing::debug!(entry = %index, %error, "an entry could not be looked at for packs");
                return Arc::default();
            }
        };
        let mut known = lock(&self.0.access.packs);
        if known.len() >= INDEXES {
            known.clear();
        }
        known.insert(index, Arc::clone(&keys));
        keys
    }

    async fn beginning(&self, entry: EntryId, repo: RepoId, slot: &Slot) -> Result<Vec<u8>> {
        let (scopes, keys) = ([slot.scope.clone()], [slot.key.clone()]);
        let hit = self.0.catalog.lookup(repo, &scopes, &slot.version, &keys).await?;
        let Some(hit) = hit.filter(|hit| hit.entry.id == entry) else { return Ok(Vec::new()) };
        let end = hit.representation.size.min(LOOKED_AT);
        let mut bytes = self.bytes_of(&hit.representation, 0..end).await?;
        let mut beginning = Vec::new();
        while let Some(part) = bytes.next().await {
            beginning.extend_from_slice(&part?);
        }
        Ok(beginning)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
