//! Recipes, page by page.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::PackId;
use snowbank_cas::recipe::RecipePage;

use super::codes::LIVE;
use super::packs::numbers;
use crate::Result;
use crate::ids::{DomainId, RecipeId};
use crate::rooms::{Measure, NumberedPage, PageAdded, Recipes};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, millis, signed, sql};

const BEGIN: Sql = sql!("INSERT INTO recipes (domain, lease_until) VALUES ($1, $2) RETURNING id");
const EXTEND: Sql =
    sql!("UPDATE recipes SET lease_until = $2 WHERE id = $1 AND lease_until IS NOT NULL RETURNING domain");
/// Waits for a collection that is about to condemn one of them, and keeps others from it until the commit.
const LOCK_LIVE: Sql = sql!(
    "SELECT id, domain FROM packs WHERE state = $2 AND id" in_ints("$1") " ORDER BY id" for_share
);
const INSERT: Sql =
    sql!("INSERT INTO pages (recipe, number, raw_start, stored_start, body) VALUES ($1, $2, $3, $4, $5)");
const NAME_PACKS: Sql = sql!(
    "INSERT INTO page_packs (pack, recipe, number) SELECT listed.value, $1, $2 FROM" ints("$3")
);
const PAGE: Sql = sql!("SELECT recipe, number, body FROM pages WHERE recipe = $1 AND number = $2");
const AT_RAW: Sql = sql!(
    "SELECT recipe, number, body FROM pages WHERE recipe = $1 AND raw_start <= $2
     ORDER BY raw_start DESC, number DESC LIMIT 1"
);
const AT_STORED: Sql = sql!(
    "SELECT recipe, number, body FROM pages WHERE recipe = $1 AND stored_start <= $2
     ORDER BY stored_start DESC, number DESC LIMIT 1"
);
const PAGES_IN: Sql = sql!(
    "SELECT recipe, number, body FROM pages
     WHERE (recipe, number) > ($2, $3) AND recipe" in_ints("$1") " ORDER BY recipe, number LIMIT $4"
);
const PAGES_OF: Sql = sql!(
    "SELECT pages.recipe, pages.number, pages.body FROM (
         SELECT DISTINCT recipe, number FROM page_packs
         WHERE (recipe, number) > ($2, $3) AND pack" in_ints("$1")
    "    ORDER BY recipe, number LIMIT $4
     ) AS named JOIN pages ON pages.recipe = named.recipe AND pages.number = named.number
     ORDER BY pages.recipe, pages.number"
);
const LOCK_PAGE: Sql = sql!(
    "SELECT pages.body, recipes.domain FROM pages JOIN recipes ON recipes.id = pages.recipe
     WHERE pages.recipe = $1 AND pages.number = $2" each("", " FOR UPDATE OF pages")
);
const REPLACE: Sql =
    sql!("UPDATE pages SET raw_start = $3, stored_start = $4, body = $5 WHERE recipe = $1 AND number = $2");
const UNNAME_PACKS: Sql = sql!("DELETE FROM page_packs WHERE recipe = $1 AND number = $2");
/// Their pages go with them.
const SWEEP: Sql = sql!("DELETE FROM recipes WHERE lease_until <= $1");

impl Read for NumberedPage {
    const NOUN: &'static str = "recipe page";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            recipe: columns.read()?,
            number: columns.read()?,
            page: RecipePage::decode(&columns.read::<Vec<u8>>()?).ok()?,
        })
    }
}

/// The packs that a page names, by rising number.
fn packs_of(page: &RecipePage) -> Vec<PackId> {
    let mut packs: Vec<PackId> = page.pack_bytes().into_iter().map(|(pack, _)| pack).collect();
    packs.sort_unstable();
    packs
}

/// The live ones of these packs with their domains, kept from being condemned until the commit.
async fn lock_live<D: Driver>(tx: &mut Writing<D>, packs: &[PackId]) -> Result<HashMap<PackId, DomainId>> {
    let live = tx.all::<(PackId, DomainId)>(&LOCK_LIVE, args![&numbers(packs), LIVE]).await?;
    Ok(live.into_iter().collect())
}

async fn add_page<D: Driver>(
    database: &Database<D>,
    recipe: RecipeId,
    number: u32,
    page: &RecipePage,
    lease: Duration,
) -> Result<PageAdded> {
    let mut tx = database.write("add a page to a recipe").await?;
    let until = tx.now().await? + millis(lease);
    let Some(domain) = tx.find::<DomainId>(&EXTEND, args![recipe, until]).await? else {
        return Ok(PageAdded::Gone);
    };
    let mut packs = packs_of(page);
    let live = lock_live(&mut tx, &packs).await?;
    packs.retain(|pack| live.get(pack) != Some(&domain));
    if !packs.is_empty() {
        return Ok(PageAdded::NotLive(packs));
    }
    let number = i64::from(number);
    let body = page.encode();
    let values = args![recipe, number, signed(page.raw_start), signed(page.stored_start), &body];
    tx.run(&INSERT, values).await?;
    tx.run(&NAME_PACKS, args![recipe, number, &numbers(&packs_of(page))]).await?;
    tx.commit().await?;
    Ok(PageAdded::Done)
}

async fn move_frames<D: Driver>(
    database: &Database<D>,
    pages: &[&(NumberedPage, RecipePage)],
) -> Result<bool> {
    let mut tx = database.write("move frames").await?;
    let mut present = Vec::with_capacity(pages.len());
    for (old, new) in pages {
        let place = args![old.recipe, i64::from(old.number)];
        let Some((body, domain)) = tx.find::<(Vec<u8>, DomainId)>(&LOCK_PAGE, place).await? else {
            continue;
        };
        if body != old.page.encode() {
            return Ok(false);
        }
        present.push((old, new, domain));
    }
    let mut packs: Vec<PackId> = present.iter().flat_map(|(_, new, _)| packs_of(new)).collect();
    packs.sort_unstable();
    packs.dedup();
    let live = lock_live(&mut tx, &packs).await?;
    for (old, new, domain) in present {
        let packs = packs_of(new);
        if packs.iter().any(|pack| live.get(pack) != Some(&domain)) {
            return Ok(false);
        }
        let (recipe, number) = (old.recipe, i64::from(old.number));
        let body = new.encode();
        let values = args![recipe, number, signed(new.raw_start), signed(new.stored_start), &body];
        tx.run(&REPLACE, values).await?;
        tx.run(&UNNAME_PACKS, args![recipe, number]).await?;
        tx.run(&NAME_PACKS, args![recipe, number, &numbers(&packs)]).await?;
    }
    tx.commit().await?;
    Ok(true)
}

#[async_trait]
impl<D: Driver> Recipes for Database<D> {
    async fn begin_recipe(&self, domain: DomainId, lease: Duration) -> Result<RecipeId> {
        self.retry(|| async {
            let mut tx = self.write("begin a recipe").await?;
            let until = tx.now().await? + millis(lease);
            let id = tx.one(&BEGIN, args![domain, until]).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    async fn add_page(
        &self,
        recipe: RecipeId,
        number: u32,
        page: &RecipePage,
        lease: Duration,
    ) -> Result<PageAdded> {
        self.retry(|| add_page(self, recipe, number, page, lease)).await
    }

    async fn page(&self, recipe: RecipeId, number: u32) -> Result<Option<NumberedPage>> {
        self.read("read a recipe's page").await?.find(&PAGE, args![recipe, i64::from(number)]).await
    }

    async fn page_at(&self, recipe: RecipeId, measure: Measure, offset: u64) -> Result<Option<NumberedPage>> {
        let statement = match measure {
            Measure::Raw => &AT_RAW,
            Measure::Stored => &AT_STORED,
        };
        self.read("find a recipe's page").await?.find(statement, args![recipe, signed(offset)]).await
    }

    async fn pages_in(
        &self,
        recipes: &[RecipeId],
        after: Option<(RecipeId, u32)>,
        limit: u64,
    ) -> Result<Vec<NumberedPage>> {
        let (recipe, page) = after.map_or((-1, -1), |(recipe, page)| (recipe.0, i64::from(page)));
        let recipes: Vec<i64> = recipes.iter().map(|recipe| recipe.0).collect();
        let mut session = self.read("read the pages of recipes").await?;
        session.all(&PAGES_IN, args![&recipes, recipe, page, signed(limit)]).await
    }

    async fn pages_of(
        &self,
        packs: &[PackId],
        after: Option<(RecipeId, u32)>,
        limit: u64,
    ) -> Result<Vec<NumberedPage>> {
        let (recipe, page) = after.map_or((-1, -1), |(recipe, page)| (recipe.0, i64::from(page)));
        let mut session = self.read("find the pages that name packs").await?;
        session.all(&PAGES_OF, args![&numbers(packs), recipe, page, signed(limit)]).await
    }

    async fn move_frames(&self, pages: &[(NumberedPage, RecipePage)]) -> Result<bool> {
        let mut pages: Vec<_> = pages.iter().collect();
        pages.sort_unstable_by_key(|(old, _)| (old.recipe, old.number));
        self.retry(|| move_frames(self, &pages)).await
    }

    async fn sweep_recipes(&self) -> Result<u64> {
        self.retry(|| async {
            let mut tx = self.write("sweep recipes").await?;
            let now = tx.now().await?;
            let swept = tx.run(&SWEEP, args![now]).await?;
            tx.commit().await?;
            Ok(swept)
        })
        .await
    }
}
