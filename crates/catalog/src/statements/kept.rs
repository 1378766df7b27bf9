//! What the rooms of binary caches share: the recipes that they keep, and lists of text.

use std::time::Duration;

use crate::Result;
use crate::ids::{CacheId, RecipeId};
use crate::sql::{Driver, Sql, Writing, args, millis, sql};

/// How long a recipe outlives what was served from it: downloads under way read it page by page.
const AFTERLIFE: Duration = Duration::from_secs(3600);

const KEEP: Sql = sql!(
    "UPDATE recipes SET lease_until = NULL
     WHERE id = $1 AND domain = (SELECT caches.domain FROM caches WHERE caches.id = $2)"
);
const LET_GO: Sql = sql!("UPDATE recipes SET lease_until = $2 WHERE id" in_ints("$1"));

/// Makes a recipe permanent. False when it was swept, or is not of the cache's domain.
pub(super) async fn keep<D: Driver>(tx: &mut Writing<D>, recipe: RecipeId, cache: CacheId) -> Result<bool> {
    Ok(tx.run(&KEEP, args![recipe, cache]).await? > 0)
}

/// Leaves recipes that nothing is served from any more to [`crate::rooms::Recipes::sweep_recipes`].
pub(super) async fn let_go<D: Driver>(tx: &mut Writing<D>, mut recipes: Vec<i64>) -> Result<()> {
    recipes.sort_unstable();
    if !recipes.is_empty() {
        let until = tx.now().await? + millis(AFTERLIFE);
        tx.run(&LET_GO, args![&recipes, until]).await?;
    }
    Ok(())
}

/// Texts as a list to bind.
pub(super) fn texts(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.clone().into_bytes()).collect()
}
