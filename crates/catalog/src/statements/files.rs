//! Files of binary caches.

use std::time::Duration;

use async_trait::async_trait;

use super::kept::{keep, let_go, texts};
use crate::Result;
use crate::ids::{CacheId, RecipeId};
use crate::rooms::{CacheFile, Files};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, millis, signed, sql};

const FIND: Sql = sql!(
    "SELECT files.recipe, files.size, files.created FROM" ranked_blobs("$2")
    "JOIN files ON files.cache = $1 AND files.view = listed.value AND files.name = $3
     ORDER BY listed.rank LIMIT 1"
);
const LOCK: Sql =
    sql!("SELECT id, recipe FROM files WHERE cache = $1 AND view = $2 AND name = $3" for_update);
const INSERT: Sql = sql!(
    "INSERT INTO files (cache, view, name, recipe, size, created) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (cache, view, name) DO NOTHING"
);
const REPLACE: Sql = sql!("UPDATE files SET recipe = $2, size = $3, created = $4 WHERE id = $1");
const SWEEP: Sql = sql!("DELETE FROM files WHERE cache = $1 AND created <= $2 RETURNING recipe");

impl Read for CacheFile {
    const NOUN: &'static str = "file of a binary cache";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { recipe: columns.read()?, size: columns.read()?, created: columns.read()? })
    }
}

#[async_trait]
impl<D: Driver> Files for Database<D> {
    async fn keep_file(
        &self,
        cache: CacheId,
        view: &str,
        name: &str,
        recipe: RecipeId,
        size: u64,
    ) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("keep a file").await?;
            let now = tx.now().await?;
            let old = loop {
                if let Some((id, old)) = tx.find::<(i64, i64)>(&LOCK, args![cache, view, name]).await? {
                    break Some((id, old));
                }
                // The row names the recipe, so that must be kept, and found to be there, before.
                if !keep(&mut tx, recipe, cache).await? {
                    return Ok(false);
                }
                let values = args![cache, view, name, recipe, signed(size), now];
                if tx.run(&INSERT, values).await? > 0 {
                    break None;
                }
                // Somebody else's was committed since it was looked for.
            };
            if let Some((id, old)) = old {
                if !keep(&mut tx, recipe, cache).await? {
                    return Ok(false);
                }
                tx.run(&REPLACE, args![id, recipe, signed(size), now]).await?;
                if old != recipe.0 {
                    let_go(&mut tx, vec![old]).await?;
                }
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn file(&self, cache: CacheId, views: &[String], name: &str) -> Result<Option<CacheFile>> {
        self.read("find a file").await?.find(&FIND, args![cache, &texts(views), name]).await
    }

    async fn sweep_files(&self, cache: CacheId, idle: Duration) -> Result<u64> {
        self.retry(|| async {
            let mut tx = self.write("sweep files").await?;
            let until = tx.now().await? - millis(idle);
            let recipes = tx.all::<i64>(&SWEEP, args![cache, until]).await?;
            let swept = recipes.len() as u64;
            let_go(&mut tx, recipes).await?;
            tx.commit().await?;
            Ok(swept)
        })
        .await
    }
}
