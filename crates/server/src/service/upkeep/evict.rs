//! Limits: entries that nobody uses, repositories over their size, a disk that fills up.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use snowbank_cas::budget::Class;
use snowbank_cas::id::PackId;
use snowbank_catalog::ids::{EntryId, RepoId};
use snowbank_catalog::rooms::Usage;

use super::census::{self, Walk};
use super::ledger::Ledger;
use super::order::{self, Order};
use crate::service::{Result, Service};

/// Entries looked at in one statement.
const PAGE: u64 = 500;
/// Bytes that counting what is used takes at most: an order with its ledger, and a census.
const MEMORY: u64 = order::MEMORY + census::MEMORY;

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

    /// Evicts the least recently used entries of all repositories until what the others use is within the disk's
    /// bound. Dead bytes in packs do not count: they are on their way out, and collection packs such packs anew for as
    /// long as the disk is over its bound.
    async fn evict_for_space(&self) -> Result<u64> {
        let Some(bound) = self.settings().max_disk else { return Ok(0) };
        if self.over_bound().await? == 0 || self.fits_as_counted(bound.0).await? {
            return Ok(0);
        }
        let going = self.going_for_space(bound.0).await?;
        let mut evicted = 0;
        for batch in going.chunks(PAGE as usize) {
            evicted += self.0.catalog.delete(batch).await?;
        }
        Ok(evicted)
    }

    /// Bytes by which uploads and the packs that visible entries name are over the disk's bound, dead bytes in those
    /// packs included. What goes by itself is not counted.
    pub(super) async fn over_bound(&self) -> Result<u64> {
        let Some(bound) = self.settings().max_disk else { return Ok(0) };
        let packs = self.0.catalog.shown_pack_bytes().await?;
        Ok((self.staying_uploads().await? + packs).saturating_sub(bound.0))
    }

    /// Bytes of uploads but for those on their way out.
    async fn staying_uploads(&self) -> Result<u64> {
        Ok(self.0.catalog.raw_bytes().await?.saturating_sub(self.0.catalog.leaving_bytes().await?))
    }

    /// The entries that have to go to bring what is used within the bound.
    async fn going_for_space(&self, bound: u64) -> Result<Vec<EntryId>> {
        let _permit = self.0.bucket.budget().take(Class::Job, MEMORY).await;
        let order = self.order().await?;
        let mut ledger = Ledger::new(order.entries().len());
        let until = self.count(&order, &mut ledger).await?;
        ledger.add_uploads(order.entries().iter().map(|(_, size)| *size));
        let used = self.staying_uploads().await? + ledger.used();
        let (going, freed) = ledger.going(used.saturating_sub(bound));
        self.0.counted.note(Count { at: Instant::now(), used: ledger.used().saturating_sub(freed), until });
        Ok(going.into_iter().map(|place| order.entries()[place].0).collect())
    }

    /// Adds up the packs that are there now. Returns the last of them.
    async fn count(&self, order: &Order, ledger: &mut Ledger) -> Result<Option<PackId>> {
        let mut until = None;
        while let Some((last, _)) = self.next_packs(until).await? {
            until = Some(last);
        }
        let mut after = None;
        while after < until {
            // What is packed anew meanwhile is in packs beyond the last, and is not counted twice.
            let Some((last, mut packs)) = self.next_packs(after).await? else { break };
            after = Some(last);
            packs.retain(|pack| Some(pack.id) <= until);
            let census = self.census(&packs, order).await?;
            ledger.add(&census);
            let mut walk = Walk::over(packs.iter().map(|pack| pack.id).collect());
            while let Some(pages) = walk.next(self).await? {
                for (page, rank) in self.ranked(&pages, order).await? {
                    ledger.note(rank, page, &census);
                }
            }
        }
        Ok(until)
    }

    /// Whether what was counted a short while ago and all that has come since is within the bound: then a save on a disk
    /// full of dead bytes does not have everything counted again.
    async fn fits_as_counted(&self, bound: u64) -> Result<bool> {
        let Some(count) = self.0.counted.since(self.settings().times.upkeep.0) else { return Ok(false) };
        let mut used = self.staying_uploads().await? + count.used;
        let mut after = count.until;
        while let Some((last, packs)) = self.next_packs(after).await? {
            after = Some(last);
            used += packs.iter().map(|pack| pack.size).sum::<u64>();
        }
        Ok(used <= bound)
    }
}

/// What the packs that were there took, once what had to go had gone.
#[derive(Clone, Copy, Debug)]
struct Count {
    at: Instant,
    used: u64,
    until: Option<PackId>,
}

/// The last count of this process.
#[derive(Debug, Default)]
pub(in crate::service) struct Counted(Mutex<Option<Count>>);

impl Counted {
    fn note(&self, count: Count) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
    }

    /// The last count, if it is no older than `span`.
    fn since(&self, span: Duration) -> Option<Count> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|count| count.at.elapsed() < span)
    }
}
