//! Binary caches.

use async_trait::async_trait;

use super::repositories::domain_of;
use crate::Result;
use crate::ids::CacheId;
use crate::rooms::{Cache, CacheUsage, Caches};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, sql};

const FIND: Sql = sql!("SELECT id, name, domain FROM caches WHERE name = $1");
const INSERT: Sql = sql!("INSERT INTO caches (name, domain) VALUES ($1, $2) ON CONFLICT DO NOTHING");
const ALL: Sql = sql!("SELECT id, name, domain FROM caches ORDER BY name");
const USAGE: Sql = sql!(
    "SELECT (SELECT count(*) FROM paths WHERE paths.cache = $1),
            (SELECT CAST(coalesce(sum(nars.stored), 0) AS BIGINT) FROM nars
             WHERE nars.id IN (SELECT paths.nar FROM paths WHERE paths.cache = $1))"
);

impl Read for Cache {
    const NOUN: &'static str = "binary cache";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { id: columns.read()?, name: columns.read()?, domain: columns.read()? })
    }
}

impl Read for CacheUsage {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { paths: columns.read()?, stored: columns.read()? })
    }
}

#[async_trait]
impl<D: Driver> Caches for Database<D> {
    async fn cache(&self, name: &str, domain: &str) -> Result<Cache> {
        if let Some(found) = self.find_cache(name).await? {
            return Ok(found);
        }
        self.retry(|| async {
            let mut tx = self.write("add a binary cache").await?;
            let domain = domain_of(&mut tx, domain).await?;
            tx.run(&INSERT, args![name, domain]).await?;
            let cache = tx.one(&FIND, args![name]).await?;
            tx.commit().await?;
            Ok(cache)
        })
        .await
    }

    async fn find_cache(&self, name: &str) -> Result<Option<Cache>> {
        self.read("find a binary cache").await?.find(&FIND, args![name]).await
    }

    async fn caches(&self) -> Result<Vec<Cache>> {
        self.read("list binary caches").await?.all(&ALL, args![]).await
    }

    async fn cache_usage(&self, cache: CacheId) -> Result<CacheUsage> {
        self.read("add up a binary cache").await?.one(&USAGE, args![cache]).await
    }
}
