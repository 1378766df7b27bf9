//! Repositories, domains and secrets.

use async_trait::async_trait;

use crate::Result;
use crate::ids::{DomainId, RepoId, Timestamp};
use crate::rooms::{Holdings, Repositories, Repository, Usage};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, sql};

macro_rules! repository_columns {
    () => {
        "repositories.id, repositories.name, repositories.domain"
    };
}

const FIND: Sql = sql!("SELECT " repository_columns!() " FROM repositories WHERE folded = $1");
const NAME: Sql = sql!("SELECT name FROM repositories WHERE id = $1");
const INSERT_DOMAIN: Sql = sql!("INSERT INTO domains (name) VALUES ($1) ON CONFLICT DO NOTHING");
const FIND_DOMAIN: Sql = sql!("SELECT id FROM domains WHERE name = $1");
const INSERT: Sql =
    sql!("INSERT INTO repositories (name, folded, domain) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
const HOLDINGS: Sql =
    sql!("SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM entries WHERE repo = $1");
const USAGE: Sql = sql!(
    "SELECT " repository_columns!() ", count(*), CAST(sum(entries.size) AS BIGINT)
     FROM entries JOIN repositories ON repositories.id = entries.repo
     GROUP BY repositories.id, repositories.name, repositories.domain, repositories.folded
     ORDER BY repositories.folded"
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
        self.read("add up a repository's entries").await?.one(&HOLDINGS, args![id]).await
    }

    async fn usage(&self) -> Result<Vec<Usage>> {
        self.read("add up what repositories use").await?.all(&USAGE, args![]).await
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
