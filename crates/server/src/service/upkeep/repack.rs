//! Repacking: frames that are still used move out of packs that hold little else, verbatim.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use snowbank_cas::budget::Class;
use snowbank_cas::collect::{PackUse, RepackRule, plan_repack, repack};
use snowbank_cas::id::PackId;
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::ids::DomainId;

use super::census::{self, Census, PACK_EXTRA, Walk};
use super::order::{Order, Rank};
use crate::service::{Kind, Result, Service, ServiceError};

/// Frames that are moved together, beside those of one more pack; their old and new places take at most 450 bytes each.
const STEP: u64 = 1 << 15;
/// So many small packs are worth being made one.
const MANY_SMALL: usize = 16;
/// Live bytes moved in one run at the least, else a twentieth of all packs: the space that repacking may take
/// until the old packs' grace is over.
const RESERVE: u64 = 256 << 20;

/// Packs to be packed anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepackPlan {
    /// The packs, by number.
    pub packs: Vec<PackToMove>,
    /// Bytes in them that are still used.
    pub live: u64,
    /// Bytes that packing them anew frees.
    pub dead: u64,
}

/// A pack to be packed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackToMove {
    /// The pack.
    pub pack: PackId,
    /// Who shares it.
    pub domain: DomainId,
    /// Its frames that are still used.
    pub frames: u64,
}

impl Service {
    /// Chooses packs whose live share is below the setting, small ones where there are many, and while the disk is over
    /// its bound as many others as bring it under.
    pub(super) async fn plan_repack(&self) -> Result<RepackPlan> {
        let _permit = self.0.bucket.budget().take(Class::Job, census::MEMORY).await;
        let mut shares = Vec::new();
        let mut movable = BTreeMap::new();
        let mut leaving = 0;
        let mut after = None;
        while let Some((last, packs)) = self.next_packs(after).await? {
            after = Some(last);
            let census = self.census(&packs, &Order::default()).await?;
            let ids: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
            let counts = counts(&census);
            let referrers = self.0.catalog.referrers(&ids).await?;
            for ((users, count), referrers) in census.packs().iter().zip(counts).zip(referrers) {
                // A pack that no recipe names is condemned whole. More referrers than recipes: an entry is this pack, and
                // it must be served as it lies.
                if count.frames > 0 && users.recipes == referrers {
                    let (pack, domain) = (users.pack.id, users.pack.domain);
                    movable.insert(pack, PackToMove { pack, domain, frames: count.frames });
                    shares.push(PackUse { pack, size: users.pack.size, live: count.live });
                    leaving += count.live - count.shown;
                }
            }
        }
        let reserve = RESERVE.max(self.0.catalog.pack_bytes().await? / 20);
        let rule = RepackRule {
            live_percent: self.settings().jobs.repack_below,
            // What only downloads under way still hold is dead soon; packs are not packed anew beforehand.
            wanted: self.over_bound().await?.saturating_sub(leaving),
            reserve,
        };
        let mut chosen: BTreeSet<PackId> = plan_repack(&shares, rule).into_iter().collect();
        chosen.extend(small(&shares, self.settings().chunks.pack.0 / 8, reserve));
        let taken = || shares.iter().filter(|share| chosen.contains(&share.pack));
        let live = taken().map(|share| share.live).sum();
        let size: u64 = taken().map(|share| share.size).sum();
        Ok(RepackPlan {
            packs: chosen.iter().filter_map(|pack| movable.remove(pack)).collect(),
            live,
            dead: size.saturating_sub(live),
        })
    }

    /// Carries a plan out. Returns how many packs nothing names any more because of it.
    pub(super) async fn repack(&self, plan: &RepackPlan) -> Result<u64> {
        let mut domains: BTreeMap<DomainId, Vec<PackToMove>> = BTreeMap::new();
        for pack in &plan.packs {
            domains.entry(pack.domain).or_default().push(*pack);
        }
        for (domain, packs) in domains {
            let mut frames = 0;
            let mut step = Vec::new();
            for pack in packs {
                step.push(pack.pack);
                frames += pack.frames;
                if frames >= STEP {
                    self.repack_domain(domain, &std::mem::take(&mut step)).await?;
                    frames = 0;
                }
            }
            if !step.is_empty() {
                self.repack_domain(domain, &step).await?;
            }
        }
        Ok(plan.packs.len() as u64)
    }

    async fn repack_domain(&self, domain: DomainId, packs: &[PackId]) -> Result<()> {
        let index = self.index(domain, None);
        let going: BTreeSet<PackId> = packs.iter().copied().collect();
        let mut frames: Vec<FrameRef> = Vec::new();
        let mut known = BTreeSet::new();
        let mut walk = Walk::over(packs.to_vec());
        while let Some(pages) = walk.next(self).await? {
            let named = pages.iter().flat_map(|page| &page.page.frames);
            let wanted = named.filter(|frame| going.contains(&frame.pack));
            frames.extend(wanted.filter(|frame| known.insert((frame.pack, frame.offset))));
        }
        let moved =
            repack(&self.0.bucket, &index, frames, self.settings().chunks.pack.0).await.map_err(|error| {
                ServiceError::caused(Kind::Unavailable, "frames could not be moved to a new pack", error)
            })?;
        for damage in &moved.damaged {
            tracing::error!(pack = %damage.pack, offset = damage.offset, "a damaged frame was met: `snowbank check --repair` mends it");
        }
        let moved = moved.moved;
        let mut walk = Walk::over(packs.to_vec());
        while let Some(pages) = walk.next(self).await? {
            for page in pages {
                let new = renamed(&page.page, &moved);
                // A page that changed meanwhile is met again in the next run.
                self.0.catalog.move_frames(&[(page, new)]).await?;
            }
        }
        Ok(())
    }
}

/// What of a pack is named.
#[derive(Clone, Copy)]
struct Count {
    /// Frames.
    frames: u64,
    /// Bytes that they would take as a pack.
    live: u64,
    /// The same of those that visible entries name.
    shown: u64,
}

/// For each pack of the census.
fn counts(census: &Census) -> Vec<Count> {
    let none = Count { frames: 0, live: PACK_EXTRA, shown: PACK_EXTRA };
    let mut counts = vec![none; census.packs().len()];
    for (place, frame) in census.frames() {
        let count = &mut counts[place];
        count.frames += 1;
        count.live += u64::from(frame.bytes);
        if frame.last != Rank::NOBODY {
            count.shown += u64::from(frame.bytes);
        }
    }
    counts
}

/// Small packs, where there are many: an upload of a few bytes is a pack of its own until it is packed with others.
fn small(shares: &[PackUse], below: u64, reserve: u64) -> Vec<PackId> {
    let small: Vec<&PackUse> = shares.iter().filter(|share| share.size < below).collect();
    if small.len() < MANY_SMALL {
        return Vec::new();
    }
    let mut room = reserve;
    let fits = |share: &&PackUse| {
        let left = room.checked_sub(share.live);
        room = left.unwrap_or(room);
        left.is_some()
    };
    small.into_iter().filter(fits).map(|share| share.pack).collect()
}

fn renamed(page: &RecipePage, moved: &HashMap<(PackId, u32), FrameRef>) -> RecipePage {
    let place = |frame: &FrameRef| moved.get(&(frame.pack, frame.offset)).copied().unwrap_or(*frame);
    RecipePage { frames: page.frames.iter().map(place).collect(), ..page.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_packs_are_gathered_once_there_are_many() {
        let share = |id, size| PackUse { pack: PackId(id), size, live: size };
        let few: Vec<PackUse> = (0..15).map(|id| share(id, 10)).collect();
        assert_eq!(small(&few, 100, 1000), []);
        let many: Vec<PackUse> = (0..20).map(|id| share(id, if id < 17 { 10 } else { 500 })).collect();
        assert_eq!(small(&many, 100, 1000).len(), 17);
        assert_eq!(small(&many, 100, 55).len(), 5, "within the reserve");
    }
}
