//! Limits.

use async_trait::async_trait;

use super::codes;
use crate::Result;
use crate::rooms::{LimitChange, Limits, SetLimit};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, signed, sql};

const OF: Sql = sql!("SELECT name, kind, value FROM limits WHERE name" in_blobs("$1"));
const ALL: Sql = sql!("SELECT name, kind, value FROM limits ORDER BY name, kind");
const SET: Sql = sql!(
    "INSERT INTO limits (name, kind, value) VALUES ($1, $2, $3)
     ON CONFLICT (name, kind) DO UPDATE SET value = excluded.value"
);
const UNSET: Sql = sql!("DELETE FROM limits WHERE name = $1 AND kind = $2");

impl Read for SetLimit {
    const NOUN: &'static str = "limit";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { name: columns.read()?, kind: columns.read()?, value: columns.read()? })
    }
}

#[async_trait]
impl<D: Driver> Limits for Database<D> {
    async fn limits_of(&self, names: &[&str]) -> Result<Vec<SetLimit>> {
        let names: Vec<Vec<u8>> = names.iter().map(|name| name.to_ascii_lowercase().into_bytes()).collect();
        self.read("read limits").await?.all(&OF, args![&names]).await
    }

    async fn limits(&self) -> Result<Vec<SetLimit>> {
        self.read("read all limits").await?.all(&ALL, args![]).await
    }

    async fn set_limits(&self, changes: &[LimitChange]) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("set limits").await?;
            for LimitChange { name, kind, value } in changes {
                let (name, kind) = (name.to_ascii_lowercase(), codes::limit(*kind));
                match value {
                    Some(value) => tx.run(&SET, args![&name, kind, signed(*value)]).await?,
                    None => tx.run(&UNSET, args![&name, kind]).await?,
                };
            }
            tx.commit().await
        })
        .await
    }
}
