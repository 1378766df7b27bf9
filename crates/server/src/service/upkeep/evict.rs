//! Limits: entries that nobody uses, repositories over their size, a disk over its bound.

use std::collections::HashSet;

use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Usage, Why};

use super::space::ForSpace;
use crate::service::limits::Cascade;
use crate::service::{Reason, Result, Service};

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
    /// Paths of binary caches that went by their caches' retention and sizes.
    pub paths: u64,
}

/// Entries of a repository that go because of its own limits, each with its size. 16 bytes an entry.
#[derive(Default)]
struct Going {
    idle: Vec<(EntryId, u64)>,
    over_limit: Vec<(EntryId, u64)>,
}

impl Service {
    /// Enforces retention, every repository's size, and the bound on the disk; and keeps what is known of the past within
    /// its bounds.
    pub async fn evict(&self) -> Result<EvictReport> {
        self.write_access_times().await?;
        let mut report = EvictReport::default();
        let cascade = self.whole_cascade().await?;
        for usage in self.0.catalog.usage(None, 0, u64::MAX).await? {
            let going = self.going_by_limits(&usage, &cascade).await?;
            report.idle += self.remove(&going.idle, Why::Retention).await?;
            report.over_limit += self.remove(&going.over_limit, Why::RepositoryLimit).await?;
        }
        report.paths = self.expire().await?.iter().map(|cache| cache.unused + cache.over_size).sum();
        if let Some(ForSpace { going, left }) = self.going_for_space(&[]).await? {
            report.for_space = self.remove(&going, Why::DiskBound).await?;
            self.0.counted.note(left);
        }
        if report != EvictReport::default() {
            tracing::info!(report.idle, report.over_limit, report.for_space, "entries were evicted");
        }
        if let Err(error) = self.keep_events().await {
            tracing::warn!(%error, "what is known of the past could not be kept within its bounds");
        }
        Ok(report)
    }

    /// What [`Service::evict`] would remove, without doing it.
    pub(super) async fn plan_eviction(&self) -> Result<EvictReport> {
        self.write_access_times().await?;
        let mut report = EvictReport::default();
        let mut going = Vec::new();
        let cascade = self.whole_cascade().await?;
        for usage in self.0.catalog.usage(None, 0, u64::MAX).await? {
            let own = self.going_by_limits(&usage, &cascade).await?;
            report.idle += own.idle.len() as u64;
            report.over_limit += own.over_limit.len() as u64;
            going.extend(own.idle.into_iter().chain(own.over_limit));
        }
        report.for_space = self.going_for_space(&going).await?.map_or(0, |space| space.going.len() as u64);
        Ok(report)
    }

    async fn remove(&self, going: &[(EntryId, u64)], why: Why<'_>) -> Result<u64> {
        let reason = match why {
            Why::Retention => Reason::Idle,
            Why::RepositoryLimit => Reason::OverSize,
            _ => Reason::Space,
        };
        let mut removed = 0;
        for batch in going.chunks(PAGE as usize) {
            let ids: Vec<EntryId> = batch.iter().map(|(id, _)| *id).collect();
            let gone = self.0.catalog.delete(&ids, why).await?;
            self.0.metrics.evicted(reason, gone, batch.iter().map(|(_, size)| size).sum());
            removed += gone;
        }
        Ok(removed)
    }

    /// Those that nobody has used for the retention time, and the least recently used others until the rest is within
    /// the repository's size.
    async fn going_by_limits(&self, usage: &Usage, cascade: &Cascade<'_>) -> Result<Going> {
        let repo = usage.repository.id;
        let limits = cascade.of_repository(&usage.repository.name);
        let idle = self.0.catalog.idle(repo, limits.retention.0, u64::MAX).await?;
        let idle: HashSet<EntryId> = idle.into_iter().collect();
        let mut excess = usage.bytes.saturating_sub(limits.size.0);
        let mut going = Going::default();
        let mut seen = 0;
        while excess > 0 || going.idle.len() < idle.len() {
            let page = self.0.catalog.coldest(Some(repo), seen, PAGE).await?;
            if page.is_empty() {
                break;
            }
            seen += page.len() as u64;
            for entry in page {
                let list = if idle.contains(&entry.id) {
                    &mut going.idle
                } else if excess > 0 {
                    &mut going.over_limit
                } else {
                    continue;
                };
                list.push((entry.id, entry.size));
                excess = excess.saturating_sub(entry.size);
            }
        }
        Ok(going)
    }
}
