//! Visible entries.

mod delete;
mod list;
mod lookup;

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::ids::{EntryId, RepoId};
use crate::rooms::{Entries, Entry, Hit, Listed, Listing, Why};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, millis, signed, sql};

/// What an [`Entry`] is read from.
macro_rules! entry_columns {
    () => {
        "entries.id, entries.repo, entries.scope, entries.key, entries.version, entries.size, \
         entries.created, entries.accessed"
    };
}
use entry_columns;

const FIND: Sql = sql!("SELECT " entry_columns!() " FROM entries WHERE id = $1");
const TOUCH: Sql = sql!("UPDATE entries SET accessed = $2 WHERE id" in_ints("$1"));
const IDLE: Sql =
    sql!("SELECT id FROM entries WHERE repo = $1 AND accessed <= $2 ORDER BY accessed, id LIMIT $3");
const COLDEST: Sql = sql!(
    "SELECT " entry_columns!() " FROM entries ORDER BY accessed, id LIMIT $1 OFFSET $2"
);
const COLDEST_OF: Sql = sql!(
    "SELECT " entry_columns!() " FROM entries WHERE repo = $3 ORDER BY accessed, id LIMIT $1 OFFSET $2"
);

impl Read for Entry {
    const NOUN: &'static str = "entry";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repo: columns.read()?,
            slot: columns.read()?,
            size: columns.read()?,
            created: columns.read()?,
            accessed: columns.read()?,
        })
    }
}

/// Rising, and each once: two statements that lock the same rows then do it in the same order.
fn numbers(entries: &[EntryId]) -> Vec<i64> {
    let mut numbers: Vec<i64> = entries.iter().map(|entry| entry.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[async_trait]
impl<D: Driver> Entries for Database<D> {
    async fn lookup(
        &self,
        repo: RepoId,
        scopes: &[String],
        version: &str,
        keys: &[String],
    ) -> Result<Option<Hit>> {
        lookup::lookup(self, repo, scopes, version, keys).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>> {
        self.read("find an entry").await?.find(&FIND, args![id]).await
    }

    async fn list(&self, listing: &Listing) -> Result<Listed> {
        list::list(self, listing).await
    }

    async fn touch(&self, entries: &[EntryId]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let numbers = numbers(entries);
        self.retry(|| async {
            let mut tx = self.write("write times of access").await?;
            let now = tx.now().await?;
            tx.run(&TOUCH, args![&numbers, now]).await?;
            tx.commit().await
        })
        .await
    }

    async fn idle(&self, repo: RepoId, idle: Duration, limit: u64) -> Result<Vec<EntryId>> {
        let mut session = self.read("find idle entries").await?;
        let until = session.now().await? - millis(idle);
        session.all(&IDLE, args![repo, until, signed(limit)]).await
    }

    async fn coldest(&self, repo: Option<RepoId>, skip: u64, limit: u64) -> Result<Vec<Entry>> {
        let mut session = self.read("find the entries used least recently").await?;
        let (limit, skip) = (signed(limit), signed(skip));
        match repo {
            Some(repo) => session.all(&COLDEST_OF, args![limit, skip, repo]).await,
            None => session.all(&COLDEST, args![limit, skip]).await,
        }
    }

    async fn delete(&self, entries: &[EntryId], why: Why<'_>) -> Result<u64> {
        delete::delete(self, &numbers(entries), why).await
    }
}
