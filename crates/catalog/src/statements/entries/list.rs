//! Listing entries.
//!
//! A page is read in one of two ways. Where much of a repository is meant, its entries are *walked* in the order that is
//! asked for, by an index, and those that are not meant are passed over. Where little is meant, that is *found* by the
//! index of keys and scopes, and sorted. How much is meant is known beforehand: the whole is a number that is kept, a
//! part is counted in that index. Which way is taken stands in the statement's text, as an expression in the place of
//! the column that would lead to the other index: a database that plans without the values would choose blindly.

use super::entry_columns;
use crate::Result;
use crate::rooms::{Entry, Listed, Listing, SortBy};
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::slots::after_prefix;

/// Little is less than one in so many.
const LITTLE: u64 = 8;

const HELD: Sql = sql!("SELECT held FROM repositories WHERE id = $1");
const HELD_IN_ALL: Sql = sql!("SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM repositories");

/// What is meant of what `repo` says: keys from `$2` to below `$3`, in the scopes of `$5` unless `$4` is null.
macro_rules! count {
    ($($repo:tt)*) => {
        sql!("SELECT count(*) FROM entries WHERE " $($repo)* " AND entries.key >= $2 AND entries.key < $3
              AND ($4 IS NULL OR entries.scope" in_blobs("$5") ")")
    };
}
const COUNT: Sql = count!("entries.repo = $1");
const COUNT_IN_ALL: Sql = count!("$1 IS NULL");

macro_rules! page {
    ([$($repo:tt)*] [$($key:tt)*] [$($order:tt)*]) => {
        sql!("SELECT repositories.name, " entry_columns!() " FROM entries CROSS JOIN repositories
              WHERE repositories.id = entries.repo AND " $($repo)*
             " AND " $($key)* " >= $2 AND " $($key)* " < $3 AND ($4 IS NULL OR entries.scope" in_blobs("$5") ")
              ORDER BY " $($order)* " LIMIT $6 OFFSET $7")
    };
}

/// In each order, rising and falling.
macro_rules! pages {
    ($repo:tt $key:tt $plus:literal) => {
        [
            page!($repo $key ["entries.created" $plus ", entries.id"]),
            page!($repo $key ["entries.created" $plus " DESC, entries.id DESC"]),
            page!($repo $key ["entries.accessed" $plus ", entries.id"]),
            page!($repo $key ["entries.accessed" $plus " DESC, entries.id DESC"]),
            page!($repo $key ["entries.size" $plus ", entries.id"]),
            page!($repo $key ["entries.size" $plus " DESC, entries.id DESC"]),
        ]
    };
}
static WALKED: [Sql; 6] =
    pages!(["entries.repo = $1"] [each("+entries.key", "(entries.key || ''::bytea)")] "");
static FOUND: [Sql; 6] = pages!(["entries.repo = $1"] ["entries.key"] " + 0");
static IN_ALL: [Sql; 6] = pages!(["$1 IS NULL"] [each("+entries.key", "(entries.key || ''::bytea)")] "");

pub(super) async fn list<D: Driver>(database: &Database<D>, listing: &Listing) -> Result<Listed> {
    let mut session = database.read("list entries").await?;
    let repo = listing.repo.map(|repo| repo.0);
    let (low, high) = keys(listing);
    let scoped = listing.scopes.as_ref().map(|scopes| signed(scopes.len() as u64));
    let scopes = listing.scopes.iter().flatten().map(|scope| scope.clone().into_bytes());
    let scopes: Vec<Vec<u8>> = scopes.collect();

    let held = match repo {
        Some(_) => session.find::<u64>(&HELD, args![repo]).await?.unwrap_or(0),
        None => session.one::<u64>(&HELD_IN_ALL, args![]).await?,
    };
    let all = listing.key.is_none() && listing.key_prefix.is_none() && scoped.is_none();
    let total = if all {
        held
    } else {
        let count = if repo.is_some() { &COUNT } else { &COUNT_IN_ALL };
        session.one::<u64>(count, args![repo, &low, &high, scoped, &scopes]).await?
    };
    if listing.offset >= total {
        return Ok(Listed { total, entries: Vec::new() });
    }
    let pages = match repo {
        None => &IN_ALL,
        Some(_) if total < held / LITTLE => &FOUND,
        Some(_) => &WALKED,
    };
    let (limit, offset) = (signed(listing.limit), signed(listing.offset));
    let values = args![repo, &low, &high, scoped, &scopes, limit, offset];
    let page = &pages[order(listing.sort, listing.descending)];
    Ok(Listed { total, entries: session.all::<(String, Entry)>(page, values).await? })
}

/// The first key that is meant, and the first after them.
fn keys(listing: &Listing) -> (Vec<u8>, Vec<u8>) {
    let prefix = listing.key_prefix.as_deref().unwrap_or_default();
    let (low, high) = (prefix.as_bytes().to_vec(), after_prefix(prefix));
    match &listing.key {
        None => (low, high),
        Some(key) => {
            let next = [key.as_bytes(), &[0]].concat();
            (low.max(key.clone().into_bytes()), high.min(next))
        }
    }
}

/// The place of an order's statement.
fn order(sort: SortBy, descending: bool) -> usize {
    let sort = match sort {
        SortBy::Created => 0,
        SortBy::Accessed => 2,
        SortBy::Size => 4,
    };
    sort + usize::from(descending)
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    #[tokio::test]
    async fn sqlite_takes_the_way_that_the_text_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let plan = async |sql: &Sql, repo: Option<i64>| {
            let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
            let query = sqlx::query(text).bind(repo).bind(vec![0u8]).bind(vec![0xFFu8]);
            let query = query.bind(None::<i64>).bind("[]").bind(30).bind(0);
            let rows = query.fetch_all(&pool).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            steps.join("\n")
        };
        let indexes = ["entries_by_creation", "entries_by_access", "entries_by_size"];
        for (number, index) in indexes.into_iter().flat_map(|index| [index, index]).enumerate() {
            let walked = plan(&WALKED[number], Some(1)).await;
            assert!(walked.contains(index) && !walked.contains("TEMP B-TREE"), "{walked}");
            let found = plan(&FOUND[number], Some(1)).await;
            assert!(found.contains("entries_by_key (repo=? AND key>? AND key<?)"), "{found}");
        }
        for statement in &IN_ALL[2..4] {
            let plan = plan(statement, None).await;
            assert!(plan.contains("entries_by_age") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", COUNT.sqlite));
        let query = sqlx::query(text).bind(1).bind(vec![0u8]).bind(vec![0xFFu8]).bind(None::<i64>).bind("[]");
        let step: String = query.fetch_all(&pool).await.unwrap()[0].get("detail");
        assert!(step.contains("COVERING INDEX entries_by_key"), "{step}");
    }
}
