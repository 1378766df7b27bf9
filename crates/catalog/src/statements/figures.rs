//! The catalog in numbers.

use std::time::Duration;

use async_trait::async_trait;

use super::codes;
use crate::Result;
use crate::rooms::{Figures, Inventory, JobKind};
use crate::sql::{Database, Driver, Sql, args, is_known, sql};

const UPLOADS: Sql = sql!("SELECT count(*) FROM uploads");
const OLDEST: Sql =
    sql!("SELECT due FROM jobs WHERE kind = $1 AND due <= $2 AND lease_until <= $2 ORDER BY due, id LIMIT 1");
const ENTRIES: Sql = sql!("SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM entries");
const PACKS: Sql =
    sql!("SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM packs WHERE state = $1");
const CHUNKS: Sql = sql!("SELECT count(*) FROM chunks");
const PATHS: Sql = sql!("SELECT count(*) FROM paths");

#[async_trait]
impl<D: Driver> Figures for Database<D> {
    async fn probe(&self) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("be written to").await?;
            is_known(&mut tx).await
        })
        .await
    }

    fn faults(&self) -> u64 {
        Database::faults(self)
    }

    async fn uploads(&self) -> Result<u64> {
        self.read("count uploads").await?.one(&UPLOADS, args![]).await
    }

    async fn oldest_ready(&self, kind: JobKind) -> Result<Option<Duration>> {
        let mut session = self.read("find the oldest job").await?;
        let now = session.now().await?;
        let due = session.find::<i64>(&OLDEST, args![codes::job(kind), now]).await?;
        Ok(due.map(|due| Duration::from_millis(u64::try_from(now - due).unwrap_or(0))))
    }

    async fn inventory(&self) -> Result<Inventory> {
        let mut session = self.read("count what it holds").await?;
        let (entries, entry_bytes) = session.one(&ENTRIES, args![]).await?;
        let (live_packs, live_pack_bytes) = session.one(&PACKS, args![codes::LIVE]).await?;
        let (condemned_packs, condemned_pack_bytes) = session.one(&PACKS, args![codes::CONDEMNED]).await?;
        Ok(Inventory {
            entries,
            entry_bytes,
            live_packs,
            live_pack_bytes,
            condemned_packs,
            condemned_pack_bytes,
            chunks: session.one(&CHUNKS, args![]).await?,
            paths: session.one(&PATHS, args![]).await?,
        })
    }
}
