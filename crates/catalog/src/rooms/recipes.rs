//! Recipes, page by page.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::PackId;
use snowbank_cas::recipe::RecipePage;

use crate::Result;
use crate::ids::{DomainId, RecipeId};

/// The answer to a page that names packs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageAdded {
    /// It is stored, and its packs are reachable from now on.
    Done,
    /// These packs are not live, or not of the recipe's domain: ingest their chunks again.
    NotLive(Vec<PackId>),
    /// The recipe's lease ran out and it was swept.
    Gone,
}

/// Which sum of a page a place is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes of the stream, uncompressed.
    Raw,
    /// Bytes of the row of frames.
    Stored,
}

/// A page and its number in its recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPage {
    /// The recipe.
    pub recipe: RecipeId,
    /// The page's number, from 0.
    pub number: u32,
    /// The page.
    pub page: RecipePage,
}

/// Recipes. One under construction holds a lease and keeps its packs alive from the first page on; a
/// representation, NAR or file that names it makes it permanent (see [`super::Jobs::swap`], [`super::Nars::keep_nar`] and
/// [`super::Files::keep_file`]).
#[async_trait]
pub trait Recipes {
    /// A new recipe under construction.
    async fn begin_recipe(&self, domain: DomainId, lease: Duration) -> Result<RecipeId>;

    /// Adds the next page and extends the lease. Checks, in the same transaction, that every pack it names is
    /// live.
    async fn add_page(
        &self,
        recipe: RecipeId,
        number: u32,
        page: &RecipePage,
        lease: Duration,
    ) -> Result<PageAdded>;

    /// The page with this number.
    async fn page(&self, recipe: RecipeId, number: u32) -> Result<Option<NumberedPage>>;

    /// The page that holds the byte at `offset`; the last page for an offset at or after the end.
    async fn page_at(&self, recipe: RecipeId, measure: Measure, offset: u64) -> Result<Option<NumberedPage>>;

    /// Pages of these recipes, ordered, after `after`. One statement.
    async fn pages_in(
        &self,
        recipes: &[RecipeId],
        after: Option<(RecipeId, u32)>,
        limit: u64,
    ) -> Result<Vec<NumberedPage>>;

    /// Pages that name any of these packs, ordered, after `after`.
    async fn pages_of(
        &self,
        packs: &[PackId],
        after: Option<(RecipeId, u32)>,
        limit: u64,
    ) -> Result<Vec<NumberedPage>>;

    /// Replaces pages whose frames were moved, as one transaction: nothing changes (and the answer is false)
    /// when one of them is no longer as `old` has it or a pack it names now is not live. Pages that are gone
    /// are passed over.
    async fn move_frames(&self, pages: &[(NumberedPage, RecipePage)]) -> Result<bool>;

    /// Deletes recipes under construction whose lease ran out. Returns how many.
    async fn sweep_recipes(&self) -> Result<u64>;
}
