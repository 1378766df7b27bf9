//! What people look at.

use async_trait::async_trait;

use super::kept::texts;
use super::paths::{its_nar, path_columns};
use crate::Result;
use crate::ids::{CacheId, RepoId, Timestamp};
use crate::rooms::{Browse, Path};
use crate::sql::{Database, Driver, Sql, args, signed, sql};

/// A subquery with an order and a limit: one row of an index for each repository, whatever the planner thinks.
const LAST_USED: Sql = sql!(
    "SELECT seen.repo, seen.used FROM (
         SELECT listed.value AS repo, (
             SELECT entries.accessed FROM entries WHERE entries.repo = listed.value
             ORDER BY entries.accessed DESC LIMIT 1
         ) AS used
         FROM" ints("$1") "
     ) AS seen WHERE seen.used IS NOT NULL"
);
const NEWEST: Sql = sql!(
    "SELECT " path_columns!() " FROM paths" its_nar!()
    "WHERE paths.cache = $1 AND paths.view" in_blobs("$2") " ORDER BY paths.id DESC LIMIT $3"
);

#[async_trait]
impl<D: Driver> Browse for Database<D> {
    async fn last_used(&self, repos: &[RepoId]) -> Result<Vec<(RepoId, Timestamp)>> {
        if repos.is_empty() {
            return Ok(Vec::new());
        }
        let repos: Vec<i64> = repos.iter().map(|repo| repo.0).collect();
        self.read("find when repositories were last used").await?.all(&LAST_USED, args![&repos]).await
    }

    async fn newest_paths(&self, cache: CacheId, views: &[String], limit: u64) -> Result<Vec<Path>> {
        let mut session = self.read("list the newest paths").await?;
        session.all(&NEWEST, args![cache, &texts(views), signed(limit)]).await
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    #[tokio::test]
    async fn sqlite_walks_indexes_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        for (sql, table, index) in
            [(LAST_USED, "entries", "entries_by_access"), (NEWEST, "paths", "paths_by_cache")]
        {
            let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
            let rows = sqlx::query(text).bind("[]").bind("[]").bind(9).fetch_all(&pool).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            let on_table = steps.iter().filter(|step| step.contains(&format!(" {table} ")));
            assert!(on_table.clone().all(|step| step.contains(index)), "{steps:#?}");
            assert!(on_table.count() > 0 && !steps.iter().any(|step| step.contains("TEMP")), "{steps:#?}");
        }
    }
}
