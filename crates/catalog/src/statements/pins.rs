//! Pins of binary caches.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_nix::store_path::StorePath;

use crate::Result;
use crate::ids::{CacheId, Timestamp};
use crate::rooms::{Pin, Pins};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, millis, sql};

const PIN: Sql = sql!(
    "INSERT INTO pins (cache, name, path, created, expires) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (cache, name) DO UPDATE
     SET path = excluded.path, created = excluded.created, expires = excluded.expires"
);
const FORGET_EXPIRED: Sql = sql!("DELETE FROM pins WHERE cache = $1 AND expires <= $2");
const UNPIN: Sql = sql!("DELETE FROM pins WHERE cache = $1 AND name = $2");
const ALL: Sql = sql!(
    "SELECT name, path, created, expires FROM pins
     WHERE cache = $1 AND (expires IS NULL OR expires > $2) ORDER BY name"
);

impl Read for Pin {
    const NOUN: &'static str = "pin";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            name: columns.read()?,
            path: columns.read()?,
            created: columns.read()?,
            expires: columns.read::<Option<i64>>()?.map(Timestamp),
        })
    }
}

#[async_trait]
impl<D: Driver> Pins for Database<D> {
    async fn pin(
        &self,
        cache: CacheId,
        name: &str,
        path: &StorePath,
        expires: Option<Duration>,
    ) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("pin a path").await?;
            let now = tx.now().await?;
            tx.run(&FORGET_EXPIRED, args![cache, now]).await?;
            let expires = expires.map(|span| now + millis(span));
            tx.run(&PIN, args![cache, name, path.base_name(), now, expires]).await?;
            tx.commit().await
        })
        .await
    }

    async fn unpin(&self, cache: CacheId, name: &str) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("unpin a path").await?;
            let now = tx.now().await?;
            tx.run(&FORGET_EXPIRED, args![cache, now]).await?;
            let removed = tx.run(&UNPIN, args![cache, name]).await?;
            tx.commit().await?;
            Ok(removed > 0)
        })
        .await
    }

    async fn pins(&self, cache: CacheId) -> Result<Vec<Pin>> {
        let mut session = self.read("list pins").await?;
        let now = session.now().await?;
        session.all(&ALL, args![cache, now]).await
    }
}
