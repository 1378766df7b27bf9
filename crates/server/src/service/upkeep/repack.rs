//! Repacking: frames that are still used move out of packs that hold little else, verbatim.

use std::collections::{BTreeSet, HashMap};

use snowbank_cas::collect::{PackShare, choose, move_frames};
use snowbank_cas::id::PackId;
use snowbank_cas::recipe::{FrameRef, RecipePage};
use snowbank_catalog::ids::{DomainId, RecipeId};
use snowbank_catalog::rooms::{NumberedPage, Pack};

use crate::service::{Kind, Result, Service, ServiceError};

/// Packs whose pages are read together.
const GROUP: usize = 64;
/// Pages read and rewritten in one statement.
const PAGES: u64 = 16;
/// Frames moved together: 1024 frames of 512 KiB at the most, streamed.
const FRAMES: usize = 1024;
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
                    shares.push(PackShare { pack: pack.id, size: pack.size, live });
                }
            }
        }
        let reserve = RESERVE.max(self.0.catalog.pack_bytes().await? / 20);
        let chosen =
            choose(&shares, self.settings().jobs.repack_below, self.settings().chunks.pack.0, reserve);
        let of = |pack: PackId| shares.iter().find(|share| share.pack == pack).copied();
        let chosen_shares: Vec<PackShare> = chosen.iter().filter_map(|pack| of(*pack)).collect();
        let live = chosen_shares.iter().map(|share| share.live).sum();
        let size: u64 = chosen_shares.iter().map(|share| share.size).sum();
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
        self.each_page(packs, async |page: &NumberedPage| {
            let wanted = page.page.frames.iter().filter(|frame| going.contains(&frame.pack));
            frames.extend(wanted.filter(|frame| known.insert((frame.pack, frame.offset))));
            Ok(())
        })
        .await?;
        frames.sort_unstable_by_key(|frame| (frame.pack, frame.offset));
        let mut moved = HashMap::new();
        for batch in frames.chunks(FRAMES) {
            let places = move_frames(&self.0.bucket, &index, batch, self.settings().chunks.pack.0).await;
            let places = places.map_err(|error| {
                ServiceError::caused(Kind::Unavailable, "frames could not be moved to a new pack", error)
            })?;
            moved.extend(batch.iter().map(|frame| (frame.pack, frame.offset)).zip(places));
        }
        self.each_page(packs, async |page: &NumberedPage| {
            let new = renamed(&page.page, &moved);
            // A page that changed meanwhile is met again in the next run.
            self.0.catalog.move_frames(&[(page.clone(), new)]).await?;
            Ok(())
        })
        .await
    }

    /// Who uses these packs; those that no recipe names are absent, for they are condemned whole.
    async fn users(&self, packs: &[Pack]) -> Result<HashMap<PackId, Users>> {
        let ids: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
        let wanted: BTreeSet<PackId> = ids.iter().copied().collect();
        let mut users: HashMap<PackId, Users> = HashMap::new();
        self.each_page(&ids, async |page: &NumberedPage| {
            for frame in page.page.frames.iter().filter(|frame| wanted.contains(&frame.pack)) {
                let users = users.entry(frame.pack).or_default();
                users.frames.insert((frame.offset, frame.stored_len));
                users.recipes.insert(page.recipe);
            }
            Ok(())
        })
        .await?;
        Ok(users)
    }

    async fn each_page(
        &self,
        packs: &[PackId],
        mut visit: impl AsyncFnMut(&NumberedPage) -> Result<()>,
    ) -> Result<()> {
        let mut after: Option<(RecipeId, u32)> = None;
        loop {
            let pages = self.0.catalog.pages_of(packs, after, PAGES).await?;
            let Some(last) = pages.last() else { return Ok(()) };
            after = Some((last.recipe, last.number));
            for page in &pages {
                visit(page).await?;
            }
        }
    }
}

fn renamed(page: &RecipePage, moved: &HashMap<(PackId, u32), FrameRef>) -> RecipePage {
    let place = |frame: &FrameRef| moved.get(&(frame.pack, frame.offset)).copied().unwrap_or(*frame);
    RecipePage { frames: page.frames.iter().map(place).collect(), ..page.clone() }
}
