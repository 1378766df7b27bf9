//! Limits: entries that nobody uses, repositories over their size, a disk that fills up.

use std::collections::HashMap;

use snowbank_cas::id::PackId;
use snowbank_catalog::ids::{EntryId, RepoId};
use snowbank_catalog::rooms::Usage;

use crate::service::{Result, Service};

/// Entries looked at in one statement.
const PAGE: u64 = 500;

/// What eviction removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictReport {
    /// Entries that nobody had used for the retention time.
    pub idle: u64,
    /// Entries of repositories over their size.
    pub over_limit: u64,
    /// Entries that made room on the disk.
    pub for_space: u64,
}

impl Service {
    /// Enforces retention, every repository's size, and the bound on the disk.
    pub async fn evict(&self) -> Result<EvictReport> {
        self.write_access_times().await?;
        let mut report = EvictReport::default();
        for usage in self.0.catalog.usage().await? {
            report.idle += self.evict_idle(usage.repository.id, &usage.repository.name).await?;
        }
        for usage in self.0.catalog.usage().await? {
            report.over_limit += self.evict_over_limit(&usage).await?;
        }
        report.for_space = self.evict_for_space().await?;
        if report != EvictReport::default() {
            tracing::info!(report.idle, report.over_limit, report.for_space, "entries were evicted");
        }
        Ok(report)
    }

    async fn evict_idle(&self, repo: RepoId, name: &str) -> Result<u64> {
        let retention = self.settings().limits_of(name).retention.0;
        let mut evicted = 0;
        loop {
            let idle = self.0.catalog.idle(repo, retention, PAGE).await?;
            if idle.is_empty() {
                return Ok(evicted);
            }
            evicted += self.0.catalog.delete(&idle).await?;
        }
    }

    async fn evict_over_limit(&self, usage: &Usage) -> Result<u64> {
        let limit = self.settings().limits_of(&usage.repository.name).size.0;
        let mut excess = usage.bytes.saturating_sub(limit);
        let mut evicted = 0;
        while excess > 0 {
            let coldest = self.0.catalog.coldest(Some(usage.repository.id), 0, PAGE).await?;
            let mut going = Vec::new();
            for entry in coldest {
                if excess == 0 {
                    break;
                }
                excess = excess.saturating_sub(entry.size);
                going.push(entry.id);
            }
            if going.is_empty() {
                break;
            }
            evicted += self.0.catalog.delete(&going).await?;
        }
        Ok(evicted)
    }

    /// Evicts the least recently used entries of all repositories until what their going frees brings the disk
    /// under its bound. What is shared with an entry that stays frees nothing, so such an entry may be passed
    /// over for one that was used later; nothing goes that would free nothing.
    async fn evict_for_space(&self) -> Result<u64> {
        let Some(bound) = self.settings().max_disk else { return Ok(0) };
        // What is on its way out is not counted, or entry after entry would go until it has left.
        let raw = self.0.catalog.raw_bytes().await?.saturating_sub(self.0.catalog.leaving_bytes().await?);
        let excess = (raw + self.0.catalog.shown_pack_bytes().await?).saturating_sub(bound.0);
        if excess == 0 {
            return Ok(0);
        }
        let going = self.coldest_freeing(excess).await?;
        Ok(self.0.catalog.delete(&going).await?)
    }

    async fn coldest_freeing(&self, excess: u64) -> Result<Vec<EntryId>> {
        let mut freed = 0;
        let mut going = Vec::new();
        let mut users: HashMap<PackId, u64> = HashMap::new();
        let mut seen = 0;
        while freed < excess {
            let page = self.0.catalog.coldest(None, seen, PAGE).await?;
            if page.is_empty() {
                break;
            }
            seen += page.len() as u64;
            for entry in page {
                if freed >= excess {
                    break;
                }
                let packs = self.0.catalog.packs_of(entry.id).await?;
                let new: Vec<PackId> =
                    packs.iter().map(|(pack, _)| *pack).filter(|p| !users.contains_key(p)).collect();
                users.extend(new.iter().copied().zip(self.0.catalog.referrers(&new).await?));
                // An entry without packs is still as it was uploaded.
                freed += if packs.is_empty() { entry.size } else { leave(&mut users, &packs) };
                going.push((entry.id, packs));
            }
        }
        let frees =
            |packs: &[(PackId, u64)]| packs.is_empty() || packs.iter().any(|(pack, _)| users[pack] == 0);
        Ok(going.into_iter().filter(|(_, packs)| frees(packs)).map(|(id, _)| id).collect())
    }
}

/// Takes one user off each pack and returns the bytes of those that have none left.
fn leave(users: &mut HashMap<PackId, u64>, packs: &[(PackId, u64)]) -> u64 {
    let mut freed = 0;
    for (pack, size) in packs {
        let left = users.entry(*pack).or_insert(1);
        *left = left.saturating_sub(1);
        if *left == 0 {
            freed += size;
        }
    }
    freed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_freed_when_its_last_user_leaves() {
        let (a, b) = (PackId(1), PackId(2));
        let mut users = HashMap::from([(a, 2), (b, 1)]);
        assert_eq!(leave(&mut users, &[(a, 10), (b, 5)]), 5);
        assert_eq!(leave(&mut users, &[(a, 10)]), 10);
    }
}
