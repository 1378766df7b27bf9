//! What people look at.

use async_trait::async_trait;

use super::kept::texts;
use super::paths::{its_nar, path_columns};
use super::repositories::repository_columns;
use super::slots::after_prefix;
use crate::Result;
use crate::ids::{CacheId, RepoId, Timestamp};
use crate::rooms::{Browse, ListedRepositories, Names, Path, RepositoryListing, RepositorySort, Usage};
use crate::sql::{Database, Driver, Sql, Table, Value, args, signed, sql};

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

/// Whether a repository has `$2` in its name.
macro_rules! sums {
    ([$($of:tt)*]) => {
        sql!("SELECT count(*), CAST(coalesce(sum(repositories.held), 0) AS BIGINT),
                CAST(coalesce(sum(repositories.held_bytes), 0) AS BIGINT),
                CAST(coalesce(sum(CASE WHEN $2 IS NULL OR "
             each("instr(repositories.folded, $2)", "position($2 IN repositories.folded)")
             " > 0 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM repositories WHERE repositories.held > 0" $($of)*)
    };
}

macro_rules! used {
    () => {
        "(SELECT entries.accessed FROM entries WHERE entries.repo = repositories.id \
          ORDER BY entries.accessed DESC LIMIT 1)"
    };
}

/// `$3` rows after `$4` of those that have `$2` in their names.
macro_rules! page {
    ([$($of:tt)*] [$($order:tt)*]) => {
        sql!("SELECT " repository_columns!() ", held, held_bytes, " used!() " FROM (
                  SELECT repositories.id AS chosen FROM repositories
                  WHERE repositories.held > 0 AND ($2 IS NULL OR "
             each("instr(repositories.folded, $2)", "position($2 IN repositories.folded)") " > 0)" $($of)*
             " ORDER BY " $($order)* " LIMIT $3 OFFSET $4
              ) AS page CROSS JOIN repositories WHERE repositories.id = page.chosen")
    };
}

macro_rules! pages {
    ($of:tt) => {
        [
            page!($of ["repositories.folded"]),
            page!($of ["repositories.folded DESC"]),
            page!($of ["repositories.held_bytes, repositories.folded"]),
            page!($of ["repositories.held_bytes DESC, repositories.folded"]),
            page!($of ["repositories.held, repositories.folded"]),
            page!($of ["repositories.held DESC, repositories.folded"]),
            page!($of [used!() ", repositories.folded"]),
            page!($of [used!() " DESC, repositories.folded"]),
        ]
    };
}

/// All repositories, or those whose names lie between those of `$1`.
macro_rules! all_or_some {
    ($of_both:ident) => {
        [
            $of_both!([]),
            $of_both!([
                " AND EXISTS (SELECT 1 FROM" rows("$1")
                "WHERE repositories.folded >=" bytes_at("0") " AND repositories.folded <" bytes_at("1") ")"
            ]),
        ]
    };
}

static SUMS: [Sql; 2] = all_or_some!(sums);
static PAGES: [[Sql; 8]; 2] = all_or_some!(pages);

/// The first name of some repositories, and the first after them.
fn range(names: &Names) -> (Vec<u8>, Vec<u8>) {
    match names {
        Names::Owner(owner) => {
            let prefix = format!("{}/", owner.to_ascii_lowercase());
            (prefix.as_bytes().to_vec(), after_prefix(&prefix))
        }
        Names::One(name) => {
            let folded = name.to_ascii_lowercase().into_bytes();
            let next = [folded.as_slice(), &[0]].concat();
            (folded, next)
        }
    }
}

/// The place of an order among a page's statements.
fn order(listing: &RepositoryListing) -> usize {
    let sort = match listing.sort {
        RepositorySort::Name => 0,
        RepositorySort::Bytes => 2,
        RepositorySort::Entries => 4,
        RepositorySort::Used => 6,
    };
    sort + usize::from(listing.descending)
}

/// The page's rows come in whatever order they were fetched.
fn sort(page: &mut [(Usage, Option<Timestamp>)], listing: &RepositoryListing) {
    let name = |usage: &Usage| usage.repository.name.to_ascii_lowercase();
    page.sort_by(|(a, a_used), (b, b_used)| {
        let rising = match listing.sort {
            RepositorySort::Name => name(a).cmp(&name(b)),
            RepositorySort::Bytes => a.bytes.cmp(&b.bytes),
            RepositorySort::Entries => a.entries.cmp(&b.entries),
            RepositorySort::Used => a_used.cmp(b_used),
        };
        let own = if listing.descending { rising.reverse() } else { rising };
        own.then_with(|| name(a).cmp(&name(b)))
    });
}

#[async_trait]
impl<D: Driver> Browse for Database<D> {
    async fn repositories(&self, listing: &RepositoryListing) -> Result<ListedRepositories> {
        let some = usize::from(listing.of.is_some());
        let ranges: Vec<_> = listing.of.iter().flatten().map(range).collect();
        let ranges = Table::of(
            ranges.iter().map(|(low, high)| [Value::from(low.as_slice()), Value::from(high.as_slice())]),
        );
        let text = listing.text.as_ref().map(|text| text.to_ascii_lowercase().into_bytes());
        let values = args![&ranges, text.as_deref(), signed(listing.limit), signed(listing.offset)];
        let mut session = self.read("list repositories").await?;
        let (all, found) = session.one(&SUMS[some], values).await?;
        let mut page = session.all(&PAGES[some][order(listing)], values).await?;
        sort(&mut page, listing);
        Ok(ListedRepositories { all, found, page })
    }

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
