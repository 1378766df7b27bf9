//! A census of packs: who names which of their frames, a group of packs at a time, so that memory stays bounded however
//! many frames there are.

use std::collections::HashMap;

use snowbank_cas::id::PackId;
use snowbank_cas::pack::object_size;
use snowbank_cas::recipe::FrameRef;
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::{NumberedPage, Pack};

use super::order::{Order, Rank};
use crate::service::{Result, Service};

/// Bytes that a census takes at most, and the pages that are being counted: 14 MB while its table grows, and 3 MB.
pub(super) const MEMORY: u64 = 17 << 20;
/// Packs looked at together; they hold at most 4096 frames each.
const GROUP: u64 = 64;
/// Pages read, or rewritten, in one statement.
const PAGES: u64 = 16;

/// Who names which frames of a group of packs.
pub(super) struct Census {
    places: HashMap<PackId, u32>,
    packs: Vec<Users>,
    /// By the place of the pack and the offset in it. 17 bytes each, in a table that is at least 7/16 full.
    frames: HashMap<(u32, u32), Named>,
}

/// Who uses a pack.
pub(super) struct Users {
    /// The pack.
    pub pack: Pack,
    /// Recipes that name it.
    pub recipes: u64,
    /// The entries that are this pack as it lies.
    pub whole: Vec<Rank>,
    latest: Option<RecipeId>,
}

/// A frame that is named.
#[derive(Clone, Copy)]
pub(super) struct Named {
    /// The last to go of the entries that name it.
    pub last: Rank,
    /// What it takes of a pack, with its part of the footer.
    pub bytes: u32,
}

impl Census {
    /// Of these packs, with nobody counted yet.
    pub(super) fn of(packs: &[Pack]) -> Self {
        let places = packs.iter().zip(0..).map(|(pack, place)| (pack.id, place)).collect();
        let users = |pack: &Pack| Users { pack: *pack, recipes: 0, whole: Vec::new(), latest: None };
        Self { places, packs: packs.iter().map(users).collect(), frames: HashMap::new() }
    }

    /// Counts a page of a recipe that what is of this rank is served from. A recipe's pages come one after the other.
    pub(super) fn name(&mut self, page: &NumberedPage, rank: Rank) {
        for frame in &page.page.frames {
            let Some(&place) = self.places.get(&frame.pack) else { continue };
            let users = &mut self.packs[place as usize];
            if users.latest.replace(page.recipe) != Some(page.recipe) {
                users.recipes += 1;
            }
            let bytes = frame.stored_len.saturating_add(FRAME_EXTRA as u32);
            let named = self.frames.entry((place, frame.offset)).or_insert(Named { last: rank, bytes });
            named.last = named.last.max(rank);
        }
    }

    /// Counts an entry of this rank that is the pack as it lies.
    pub(super) fn name_whole(&mut self, pack: PackId, rank: Rank) {
        if let Some(&place) = self.places.get(&pack) {
            self.packs[place as usize].whole.push(rank);
        }
    }

    /// The last to go of the entries that keep this frame; nothing when it is not of these packs.
    pub(super) fn last(&self, frame: &FrameRef) -> Option<Rank> {
        let place = *self.places.get(&frame.pack)?;
        let named = self.frames.get(&(place, frame.offset))?;
        Some(named.last.max(self.packs[place as usize].last_whole()))
    }

    /// The packs in their order, each with its users.
    pub(super) fn packs(&self) -> &[Users] {
        &self.packs
    }

    /// Every named frame with the place of its pack in [`Census::packs`].
    pub(super) fn frames(&self) -> impl Iterator<Item = (usize, Named)> {
        self.frames.iter().map(|(&(place, _), &named)| (place as usize, named))
    }
}

impl Users {
    /// The last to go of the entries that are this pack.
    pub(super) fn last_whole(&self) -> Rank {
        self.whole.iter().copied().max().unwrap_or(Rank::NOBODY)
    }
}

/// What a pack takes beside its frames.
pub(super) const PACK_EXTRA: u64 = object_size(0, 0);
/// What a frame takes of the footer.
const FRAME_EXTRA: u64 = object_size(1, 0) - PACK_EXTRA;

/// A walk over the recipe pages that name any of some packs.
pub(super) struct Walk {
    packs: Vec<PackId>,
    after: Option<(RecipeId, u32)>,
}

impl Walk {
    /// Over the pages that name these.
    pub(super) fn over(packs: Vec<PackId>) -> Self {
        Self { packs, after: None }
    }

    /// The next pages, ordered; nothing at the end.
    pub(super) async fn next(&mut self, service: &Service) -> Result<Option<Vec<NumberedPage>>> {
        let pages = service.0.catalog.pages_of(&self.packs, self.after, PAGES).await?;
        self.after = pages.last().map(|last| (last.recipe, last.number));
        Ok(self.after.map(|_| pages))
    }
}

impl Service {
    /// The live packs among the next [`GROUP`], and the last of those; nothing at the end.
    pub(super) async fn next_packs(&self, after: Option<PackId>) -> Result<Option<(PackId, Vec<Pack>)>> {
        let packs = self.0.catalog.packs(after, GROUP).await?;
        let Some(last) = packs.last().map(|pack| pack.id) else { return Ok(None) };
        Ok(Some((last, packs.into_iter().filter(|pack| !pack.condemned).collect())))
    }

    /// Counts who names what of these packs.
    pub(super) async fn census(&self, packs: &[Pack], order: &Order) -> Result<Census> {
        let mut census = Census::of(packs);
        let ids: Vec<PackId> = packs.iter().map(|pack| pack.id).collect();
        for (pack, entry) in self.0.catalog.served_whole(&ids).await? {
            census.name_whole(pack, order.rank(entry));
        }
        let mut walk = Walk::over(ids);
        while let Some(pages) = walk.next(self).await? {
            for (page, rank) in self.ranked(&pages, order).await? {
                census.name(page, rank);
            }
        }
        Ok(census)
    }

    /// Each page with the rank of the entry that is served from it; what a binary cache serves stays.
    pub(super) async fn ranked<'a>(
        &self,
        pages: &'a [NumberedPage],
        order: &Order,
    ) -> Result<Vec<(&'a NumberedPage, Rank)>> {
        let mut recipes: Vec<RecipeId> = pages.iter().map(|page| page.recipe).collect();
        recipes.dedup();
        let mut ranks: HashMap<RecipeId, Rank> = HashMap::new();
        for (recipe, entry) in self.0.catalog.served_from(&recipes).await? {
            let rank = ranks.entry(recipe).or_insert(Rank::NOBODY);
            *rank = order.rank(entry).max(*rank);
        }
        for recipe in self.0.catalog.recipes_of_caches(&recipes).await? {
            ranks.insert(recipe, Rank::STAYS);
        }
        let rank = |page: &NumberedPage| ranks.get(&page.recipe).copied().unwrap_or(Rank::NOBODY);
        Ok(pages.iter().map(|page| (page, rank(page))).collect())
    }
}
