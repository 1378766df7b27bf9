//! Repositories, domains and secrets.

use async_trait::async_trait;

use crate::Result;
use crate::ids::{DomainId, RepoId, Timestamp};
use crate::rooms::{Holdings, Repositories, Repository, Usage, UsageInAll};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, signed, sql};
use crate::statements::slots::after_prefix;

macro_rules! repository_columns {
    () => {
        "repositories.id, repositories.name, repositories.domain"
    };
}
pub(super) use repository_columns;

const FIND: Sql = sql!("SELECT " repository_columns!() " FROM repositories WHERE folded = $1");
const NAME: Sql = sql!("SELECT name FROM repositories WHERE id = $1");
const INSERT_DOMAIN: Sql = sql!("INSERT INTO domains (name) VALUES ($1) ON CONFLICT DO NOTHING");
const FIND_DOMAIN: Sql = sql!("SELECT id FROM domains WHERE name = $1");
const INSERT: Sql =
    sql!("INSERT INTO repositories (name, folded, domain) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
const HOLDINGS: Sql = sql!("SELECT held, held_bytes FROM repositories WHERE id = $1");
/// Of repositories whose names lie between $1 and $2.
macro_rules! between {
    () => {
        "FROM repositories WHERE held > 0 AND folded >= $1 AND folded < $2"
    };
}
const SUM: Sql = sql!(
    "SELECT count(*), CAST(coalesce(sum(held), 0) AS BIGINT), CAST(coalesce(sum(held_bytes), 0) AS BIGINT) " between!()
);
const USAGE: Sql = sql!(
    "SELECT " repository_columns!() ", held, held_bytes " between!() " ORDER BY folded LIMIT $3 OFFSET $4"
);
const FIND_SECRET: Sql = sql!("SELECT value FROM secrets WHERE name = $1");
const INSERT_SECRET: Sql = sql!("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING");

impl Read for Repository {
    const NOUN: &'static str = "repository";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { id: columns.read()?, name: columns.read()?, domain: columns.read::<DomainId>()? })
    }
}

impl Read for Holdings {
    const NOUN: &'static str = "repository";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { entries: columns.read()?, bytes: columns.read()? })
    }
}

impl Read for Usage {
    const NOUN: &'static str = "repository";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { repository: columns.read()?, entries: columns.read()?, bytes: columns.read()? })
    }
}

impl Read for UsageInAll {
    const NOUN: &'static str = "repository";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let repositories = columns.read()?;
        Some(Self { repositories, holdings: columns.read()? })
    }
}

/// The first name of an owner's repositories, or of all, and the first after them.
fn names_of(owner: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let prefix = owner.map(|owner| format!("{}/", owner.to_ascii_lowercase())).unwrap_or_default();
    let last = after_prefix(&prefix);
    (prefix.into_bytes(), last)
}

/// The domain of this name, in any case; made if it is new.
pub(super) async fn domain_of<D: Driver>(tx: &mut Writing<D>, name: &str) -> Result<DomainId> {
    let folded = name.to_ascii_lowercase();
    tx.run(&INSERT_DOMAIN, args![&folded]).await?;
    tx.one(&FIND_DOMAIN, args![&folded]).await
}

#[async_trait]
impl<D: Driver> Repositories for Database<D> {
    async fn repository(&self, name: &str, domain: &str) -> Result<Repository> {
        if let Some(found) = self.find_repository(name).await? {
            return Ok(found);
        }
        let folded = name.to_ascii_lowercase();
        self.retry(|| async {
            let mut tx = self.write("add a repository").await?;
            let domain = domain_of(&mut tx, domain).await?;
            tx.run(&INSERT, args![name, &folded, domain]).await?;
            let repository = tx.one(&FIND, args![&folded]).await?;
            tx.commit().await?;
            Ok(repository)
        })
        .await
    }

    async fn find_repository(&self, name: &str) -> Result<Option<Repository>> {
        let folded = name.to_ascii_lowercase();
        self.read("find a repository").await?.find(&FIND, args![&folded]).await
    }

    async fn repository_name(&self, id: RepoId) -> Result<Option<String>> {
        self.read("find a repository's name").await?.find(&NAME, args![id]).await
    }

    async fn holdings(&self, id: RepoId) -> Result<Holdings> {
        let held = self.read("add up a repository's entries").await?.find(&HOLDINGS, args![id]).await?;
        Ok(held.unwrap_or_default())
    }

    async fn usage(&self, owner: Option<&str>, offset: u64, limit: u64) -> Result<Vec<Usage>> {
        let (first, last) = names_of(owner);
        let values = args![&first, &last, signed(limit), signed(offset)];
        self.read("list what repositories use").await?.all(&USAGE, values).await
    }

    async fn usage_in_all(&self, owner: Option<&str>) -> Result<UsageInAll> {
        let (first, last) = names_of(owner);
        self.read("add up what repositories use").await?.one(&SUM, args![&first, &last]).await
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let found = self.read("find a secret").await?.find(&FIND_SECRET, args![name]).await?;
        if let Some(found) = found {
            return Ok(found);
        }
        self.retry(|| async {
            let mut tx = self.write("keep a secret").await?;
            tx.run(&INSERT_SECRET, args![name, fresh]).await?;
            let kept = tx.one(&FIND_SECRET, args![name]).await?;
            tx.commit().await?;
            Ok(kept)
        })
        .await
    }

    async fn now(&self) -> Result<Timestamp> {
        Ok(Timestamp(self.read("read the clock").await?.now().await?))
    }

    async fn close(&self) {
        self.close_all().await;
    }
}
