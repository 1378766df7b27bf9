//! Repacking: frames that are still used move out of packs that hold little else, verbatim.

use std::collections::{BTreeSet, HashMap};

use snowbank_cas::collect::{PackUse, RepackRule, plan_repack, repack};
use snowbank_cas::id::PackId;
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::ids::{DomainId, RecipeId};
use snowbank_catalog::rooms::{NumberedPage, Pack};

use crate::service::{Kind, Result, Service, ServiceError};

/// Packs whose pages are read together.
const GROUP: usize = 64;
/// Pages read and rewritten in one statement.
const PAGES: u64 = 16;
/// So many small packs are worth being made one.
const MANY_SMALL: usize = 16;
/// Live bytes moved in one run at the least, else a twentieth of all packs: the space that repacking may take
/// until the old packs' grace is over.
const RESERVE: u64 = 256 << 20;

/// Packs to be packed anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepackPlan {
    /// The packs with the domain of each.
    pub packs: Vec<(PackId, DomainId)>,
    /// Bytes in them that are still used.
    pub live: u64,
    /// Bytes that packing them anew frees.
    pub dead: u64,
}

/// What of a pack is used, and by which recipes.
#[derive(Default)]
struct Users {
    frames: BTreeSet<(u32, u32)>,
    recipes: BTreeSet<RecipeId>,
}

impl Service {
    /// Chooses packs whose live share is below the setting, and small ones where there are many.
    pub(super) async fn plan_repack(&self) -> Result<RepackPlan> {
        let mut shares = Vec::new();
        let mut domains = HashMap::new();
        let mut after = None;
        loop {
            let packs = self.0.catalog.packs(after, GROUP as u64).await?;
            let Some(last) = packs.last() else { break };
            after = Some(last.id);
            let packs: Vec<Pack> = packs.into_iter().filter(|pack| !pack.condemned).collect();
            let users = self.users(&packs).await?;
            let ids: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
            for (pack, referrers) in packs.iter().zip(self.0.catalog.referrers(&ids).await?) {
                let Some(users) = users.get(&pack.id) else { continue };
                // More referrers than recipes: an entry is this pack, and must be served as it lies.
                if users.recipes.len() as u64 == referrers {
                    domains.insert(pack.id, pack.domain);
                    let live = users.frames.iter().map(|(_, len)| u64::from(*len)).sum();
                    shares.push(PackUse { pack: pack.id, size: pack.size, live });
                }
            }
        }
        let reserve = RESERVE.max(self.0.catalog.pack_bytes().await? / 20);
        let rule = RepackRule { live_percent: self.settings().jobs.repack_below, reserve };
        let mut chosen: BTreeSet<PackId> = plan_repack(&shares, rule).into_iter().collect();
        chosen.extend(small(&shares, self.settings().chunks.pack.0 / 8, reserve));
        let taken = || shares.iter().filter(|share| chosen.contains(&share.pack));
        let live = taken().map(|share| share.live).sum();
        let size: u64 = taken().map(|share| share.size).sum();
        Ok(RepackPlan {
            packs: chosen.into_iter().filter_map(|pack| Some((pack, *domains.get(&pack)?))).collect(),
            live,
            dead: size.saturating_sub(live),
        })
    }

    /// Carries a plan out. Returns how many packs nothing names any more because of it.
    pub(super) async fn repack(&self, plan: &RepackPlan) -> Result<u64> {
        let domains: BTreeSet<DomainId> = plan.packs.iter().map(|(_, domain)| *domain).collect();
        let mut emptied = 0;
        for domain in domains {
            let packs: Vec<PackId> =
                plan.packs.iter().filter(|(_, of)| *of == domain).map(|(pack, _)| *pack).collect();
            self.repack_domain(domain, &packs).await?;
            emptied += packs.len() as u64;
        }
        Ok(emptied)
    }

    async fn repack_domain(&self, domain: DomainId, packs: &[PackId]) -> Result<()> {
        let index = self.index(domain, None);
        let going: BTreeSet<PackId> = packs.iter().copied().collect();
        let mut frames: Vec<FrameRef> = Vec::new();
        let mut known = BTreeSet::new();
        let mut walk = Walk::default();
        while let Some(pages) = self.next_pages(packs, &mut walk).await? {
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
        let mut walk = Walk::default();
        while let Some(pages) = self.next_pages(packs, &mut walk).await? {
            for page in pages {
                let new = renamed(&page.page, &moved);
                // A page that changed meanwhile is met again in the next run.
                self.0.catalog.move_frames(&[(page, new)]).await?;
            }
        }
        Ok(())
    }

    /// Who uses these packs; those that no recipe names are absent, for they are condemned whole.
    async fn users(&self, packs: &[Pack]) -> Result<HashMap<PackId, Users>> {
        let ids: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
        let wanted: BTreeSet<PackId> = ids.iter().copied().collect();
        let mut users: HashMap<PackId, Users> = HashMap::new();
        let mut walk = Walk::default();
        while let Some(pages) = self.next_pages(&ids, &mut walk).await? {
            for page in &pages {
                for frame in page.page.frames.iter().filter(|frame| wanted.contains(&frame.pack)) {
                    let users = users.entry(frame.pack).or_default();
                    users.frames.insert((frame.offset, frame.stored_len));
                    users.recipes.insert(page.recipe);
                }
            }
        }
        Ok(users)
    }

    /// The next pages that name any of these packs.
    async fn next_pages(&self, packs: &[PackId], walk: &mut Walk) -> Result<Option<Vec<NumberedPage>>> {
        let pages = self.0.catalog.pages_of(packs, walk.after, PAGES).await?;
        walk.after = pages.last().map(|last| (last.recipe, last.number));
        Ok(walk.after.map(|_| pages))
    }
}

/// How far a walk over recipe pages has come.
#[derive(Default)]
struct Walk {
    after: Option<(RecipeId, u32)>,
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
