//! Space: which entries go when the disk is over its bound.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use snowbank_cas::budget::Class;
use snowbank_cas::id::PackId;
use snowbank_catalog::ids::EntryId;

use super::census::{self, Walk};
use super::ledger::Ledger;
use super::order::{self, Order};
use crate::service::{Result, Service};

/// Bytes that counting what is used takes at most: an order with its ledger, and a census.
const MEMORY: u64 = order::MEMORY + census::MEMORY;

/// What makes room on the disk.
pub(super) struct ForSpace {
    /// The entries that have to go, each with its size.
    pub going: Vec<(EntryId, u64)>,
    /// What is left then.
    pub left: Count,
}

/// Bytes that visible entries use of the packs up to one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    at: Instant,
    used: u64,
    until: Option<PackId>,
}

/// The last count of this process.
#[derive(Debug, Default)]
pub(in crate::service) struct Counted(Mutex<Option<Count>>);

impl Counted {
    /// Keeps a count whose entries have gone.
    pub(super) fn note(&self, count: Count) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
    }

    /// The last count, if it is no older than `span`.
    fn since(&self, span: Duration) -> Option<Count> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|count| count.at.elapsed() < span)
    }
}

impl Service {
    /// The least recently used entries of all repositories that have to go, once these have gone, until what the others
    /// use is within the disk's bound. Dead bytes in packs do not count: they are on their way out, and collection packs
    /// such packs anew for as long as the disk is over its bound.
    pub(super) async fn going_for_space(&self, gone: &[(EntryId, u64)]) -> Result<Option<ForSpace>> {
        let Some(bound) = self.settings().max_disk else { return Ok(None) };
        if self.over_bound().await? == 0 || self.fits_as_counted(bound.0).await? {
            return Ok(None);
        }
        let _permit = self.0.bucket.budget().take(Class::Job, MEMORY).await;
        let order = self.order(gone).await?;
        let mut ledger = Ledger::new(order.entries().len());
        let until = self.count(&order, &mut ledger).await?;
        ledger.add_uploads(order.entries().iter().map(|(_, size)| *size));
        let used = self.0.catalog.staying_bytes().await? + ledger.used();
        let (going, freed) = ledger.going(gone.len(), used.saturating_sub(bound.0));
        Ok(Some(ForSpace {
            going: going.into_iter().map(|place| order.entries()[place]).collect(),
            left: Count { at: Instant::now(), used: ledger.used().saturating_sub(freed), until },
        }))
    }

    /// Bytes by which uploads and the packs that visible entries name are over the disk's bound, dead bytes in those
    /// packs included. What goes by itself is not counted.
    pub(super) async fn over_bound(&self) -> Result<u64> {
        let Some(bound) = self.settings().max_disk else { return Ok(0) };
        let packs = self.0.catalog.shown_pack_bytes().await?;
        Ok((self.0.catalog.staying_bytes().await? + packs).saturating_sub(bound.0))
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
        let mut used = self.0.catalog.staying_bytes().await? + count.used;
        let mut after = count.until;
        while let Some((last, packs)) = self.next_packs(after).await? {
            after = Some(last);
            used += packs.iter().map(|pack| pack.size).sum::<u64>();
        }
        Ok(used <= bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::upkeep::one_nar::OneNar;
    use crate::settings::{ByteSize, Settings};

    #[tokio::test]
    async fn what_a_binary_cache_serves_is_used_and_stays() {
        let settings = Settings { max_disk: Some(ByteSize(1)), ..Settings::default() };
        let world = OneNar::begin(settings).await;
        let service = &world.service;
        assert_eq!(service.over_bound().await.unwrap(), 0, "it is still being made");
        world.keep().await;
        assert_eq!(service.over_bound().await.unwrap(), 999);
        let ForSpace { going, left } = service.going_for_space(&[]).await.unwrap().unwrap();
        assert_eq!(going, []);
        assert_eq!(left.used, snowbank_cas::pack::object_size(1, 50));
    }
}
