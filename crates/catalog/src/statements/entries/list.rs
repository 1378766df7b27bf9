//! Listing entries.
//!
//! A page is read in one of two ways. Where much of a repository is meant, its entries are *walked* in the order that is
//! asked for, by an index, and those that are not meant are passed over. Where little is meant, that is *found* by the
//! index of keys or that of scopes, and sorted. How much is meant is known beforehand: the whole is a number that is kept,
//! a part is counted in that index. Which way is taken stands in the statement's text, as an expression in the place of
//! the column that would lead to the other index: a database that plans without the values would choose blindly. What is
//! meant of all repositories is found in one after the other.

use std::cmp::Ordering;

use super::entry_columns;
use crate::Result;
use crate::rooms::{Entry, Listed, Listing, SortBy};
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::slots::after_prefix;

const HELD: Sql = sql!("SELECT held FROM repositories WHERE id = $1");
const HELD_IN_ALL: Sql = sql!("SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM repositories");

/// How entries are read, by what is meant: all of a repository or of all, keys from `$2` to below `$3`, or such keys in the
/// scopes of `$6`.
struct Ways {
    all: [Sql; ORDERS],
    walked_by_key: [Sql; ORDERS],
    walked_by_scope: [Sql; ORDERS],
    found_by_key: [Sql; ORDERS],
    found_by_scope: [Sql; ORDERS],
    count_by_key: Sql,
    count_by_scope: Sql,
}

/// The orders, rising and falling; see [`order`].
const ORDERS: usize = 10;

/// `$4` rows after `$5`. They are fetched once it is known which they are: passing over others is a matter of the index.
macro_rules! page {
    ([$($from:tt)*] [$($meant:tt)*] [$($order:tt)*]) => {
        sql!("SELECT repositories.name, " entry_columns!() " FROM (
                  SELECT entries.id AS id FROM " $($from)* $($meant)* " ORDER BY " $($order)* " LIMIT $4 OFFSET $5
              ) AS page CROSS JOIN entries CROSS JOIN repositories
              WHERE entries.id = page.id AND repositories.id = entries.repo")
    };
}

/// A page in each order; `plus` keeps the index of a number out, and `key` and `scope` are those columns with theirs kept
/// out or not.
macro_rules! pages {
    ($from:tt $meant:tt $plus:literal [$($key:tt)*] [$($scope:tt)*]) => {
        [
            page!($from $meant ["entries.created" $plus ", entries.id"]),
            page!($from $meant ["entries.created" $plus " DESC, entries.id DESC"]),
            page!($from $meant ["entries.accessed" $plus ", entries.id"]),
            page!($from $meant ["entries.accessed" $plus " DESC, entries.id DESC"]),
            page!($from $meant ["entries.size" $plus ", entries.id"]),
            page!($from $meant ["entries.size" $plus " DESC, entries.id DESC"]),
            page!($from $meant [$($key)* ", entries.scope, entries.id"]),
            page!($from $meant [$($key)* " DESC, entries.scope DESC, entries.id DESC"]),
            page!($from $meant [$($scope)* ", entries.key, entries.id"]),
            page!($from $meant [$($scope)* " DESC, entries.key DESC, entries.id DESC"]),
        ]
    };
}

macro_rules! count {
    ([$($from:tt)*] [$($meant:tt)*]) => {
        sql!("SELECT count(*) FROM " $($from)* $($meant)*)
    };
}

/// `walk` and `find` are where from.
macro_rules! ways {
    ($walk:tt $find:tt) => {
        Ways {
            all: pages!($walk [""] "" ["entries.key"] ["entries.scope"]),
            walked_by_key: pages!($walk [
                " AND" no_index("entries.key") ">= $2 AND" no_index("entries.key") "< $3"
            ] "" ["entries.key"] ["entries.scope"]),
            walked_by_scope: pages!($walk [
                " AND" no_index("entries.key") ">= $2 AND" no_index("entries.key") "< $3
                  AND" no_index("entries.scope") in_blobs("$6")
            ] "" ["entries.key"] ["entries.scope"]),
            found_by_key: pages!($find [
                " AND entries.key >= $2 AND entries.key < $3"
            ] " + 0" ["entries.key"] [no_index("entries.scope")]),
            found_by_scope: pages!($find [
                " AND entries.scope" in_blobs("$6") " AND entries.key >= $2 AND entries.key < $3"
            ] " + 0" [no_index("entries.key")] ["entries.scope"]),
            count_by_key: count!($find [" AND entries.key >= $2 AND entries.key < $3"]),
            count_by_scope: count!($find [
                " AND entries.scope" in_blobs("$6") " AND entries.key >= $2 AND entries.key < $3"
            ]),
        }
    };
}

static IN_ONE: Ways = ways!(["entries WHERE entries.repo = $1"]["entries WHERE entries.repo = $1"]);
static IN_ALL: Ways = ways!(
    ["entries WHERE $1 IS NULL"]["repositories AS holders CROSS JOIN entries
      WHERE $1 IS NULL AND holders.held > 0 AND entries.repo = holders.id"]
);

pub(super) async fn list<D: Driver>(database: &Database<D>, listing: &Listing) -> Result<Listed> {
    let mut session = database.read("list entries").await?;
    let repo = listing.repo.map(|repo| repo.0);
    let (low, high) = keys(listing);
    let scopes = listing.scopes.iter().flatten().map(|scope| scope.clone().into_bytes());
    let scopes: Vec<Vec<u8>> = scopes.collect();
    let (limit, offset) = (signed(listing.limit), signed(listing.offset));
    let values = args![repo, &low, &high, limit, offset, &scopes];

    let (ways, held) = match repo {
        Some(_) => (&IN_ONE, session.find::<u64>(&HELD, args![repo]).await?.unwrap_or(0)),
        None => (&IN_ALL, session.one::<u64>(&HELD_IN_ALL, args![]).await?),
    };
    let total = match (by_key(listing), &listing.scopes) {
        (_, Some(_)) => session.one::<u64>(&ways.count_by_scope, values).await?,
        (true, None) => session.one::<u64>(&ways.count_by_key, values).await?,
        (false, None) => held,
    };
    if listing.offset >= total || listing.limit == 0 {
        return Ok(Listed { total, entries: Vec::new() });
    }
    let pages = ways.pages(listing, is_little(total, held, listing));
    let mut entries: Vec<(String, Entry)> = session.all(&pages[order(listing)], values).await?;
    // The page's rows come in whatever order they were fetched.
    entries.sort_by(|(_, a), (_, b)| {
        let rising = compare(listing.sort, a, b);
        if listing.descending { rising.reverse() } else { rising }
    });
    Ok(Listed { total, entries })
}

/// Whether finding `total` of so many entries is less work than walking until the page is full. Where what is meant lies
/// evenly among the others, a page's row comes once in `held / total`; it often does not, hence the four.
fn is_little(total: u64, held: u64, listing: &Listing) -> bool {
    let last = u128::from(listing.offset.saturating_add(listing.limit).min(total));
    u128::from(total) * u128::from(total) < 4 * last * u128::from(held)
}

impl Ways {
    /// The statements of a listing that means `little` or not.
    fn pages(&self, listing: &Listing, little: bool) -> &[Sql; ORDERS] {
        let scoped = listing.scopes.is_some();
        if !scoped && !by_key(listing) {
            return &self.all;
        }
        // What is found by the index that has the order is as good as walked.
        let found = little || listing.sort == if scoped { SortBy::Scope } else { SortBy::Key };
        match (scoped, found) {
            (false, false) => &self.walked_by_key,
            (true, false) => &self.walked_by_scope,
            (false, true) => &self.found_by_key,
            (true, true) => &self.found_by_scope,
        }
    }
}

/// Whether not all keys are meant.
fn by_key(listing: &Listing) -> bool {
    listing.key.is_some() || listing.key_prefix.is_some()
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

/// The place of a listing's order.
fn order(listing: &Listing) -> usize {
    let sort = match listing.sort {
        SortBy::Created => 0,
        SortBy::Accessed => 2,
        SortBy::Size => 4,
        SortBy::Key => 6,
        SortBy::Scope => 8,
    };
    sort + usize::from(listing.descending)
}

fn compare(sort: SortBy, a: &Entry, b: &Entry) -> Ordering {
    let (a_slot, b_slot) = (&a.slot, &b.slot);
    let by_sort = match sort {
        SortBy::Created => a.created.cmp(&b.created),
        SortBy::Accessed => a.accessed.cmp(&b.accessed),
        SortBy::Size => a.size.cmp(&b.size),
        SortBy::Key => (&a_slot.key, &a_slot.scope).cmp(&(&b_slot.key, &b_slot.scope)),
        SortBy::Scope => (&a_slot.scope, &a_slot.key).cmp(&(&b_slot.scope, &b_slot.key)),
    };
    by_sort.then(a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests {
    use sqlx::{Row, SqlitePool};

    use super::*;
    use crate::SqliteCatalog;

    /// The steps over entries, and whether what they give is sorted.
    async fn plan(pool: &SqlitePool, sql: &Sql, repo: Option<i64>) -> (Vec<String>, bool) {
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
        let query = sqlx::query(text).bind(repo).bind(vec![0u8]).bind(vec![0xFFu8]);
        let rows = query.bind(30).bind(0).bind("[]").fetch_all(pool).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        (steps.into_iter().filter(|step| step.contains(" entries ")).collect(), sorts)
    }

    async fn pool() -> (tempfile::TempDir, SqlitePool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        (folder, SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap())
    }

    const BY_KEY: &str = "entries_by_key (repo=? AND key>? AND key<?)";
    const BY_SCOPE: &str = "entries_by_scope (repo=? AND scope=? AND key>? AND key<?)";

    #[test]
    fn what_is_meant_is_found_or_walked_by_what_is_less_work() {
        let listing = Listing::first(30, SortBy::Created, false);
        let little = |total, held| is_little(total, held, &listing);
        assert!(little(1, 1) && little(3_000, 100_000) && !little(4_000, 100_000) && !little(u64::MAX, 1));
        let late = Listing { offset: 3_000, ..listing.clone() };
        assert!(is_little(4_000, 100_000, &late), "a late page is a long walk");
    }

    #[tokio::test]
    async fn sqlite_walks_the_index_that_has_the_order() {
        let (_folder, pool) = pool().await;
        let indexes = [
            "entries_by_creation",
            "entries_by_access",
            "entries_by_size",
            "entries_by_key",
            "entries_by_scope",
        ];
        for (number, index) in indexes.into_iter().flat_map(|index| [index, index]).enumerate() {
            for walk in [&IN_ONE.all, &IN_ONE.walked_by_key, &IN_ONE.walked_by_scope] {
                let (steps, sorts) = plan(&pool, &walk[number], Some(1)).await;
                assert!(steps[0].contains(index) && !sorts, "{steps:#?}");
            }
            let (steps, _) = plan(&pool, &IN_ONE.all[number], Some(1)).await;
            assert!(steps[0].contains("COVERING"), "{steps:#?}");
        }
        for walk in &IN_ALL.all[2..4] {
            let (steps, sorts) = plan(&pool, walk, None).await;
            assert!(steps[0].contains("entries_by_age") && !sorts, "{steps:#?}");
        }
    }

    #[tokio::test]
    async fn sqlite_finds_little_by_its_key_or_scope() {
        let (_folder, pool) = pool().await;
        for (ways, repo) in [(&IN_ONE, Some(1)), (&IN_ALL, None)] {
            for number in 0..ORDERS {
                let (steps, sorts) = plan(&pool, &ways.found_by_key[number], repo).await;
                assert!(steps[0].contains(BY_KEY), "{number}: {steps:#?}");
                assert_eq!(sorts, repo.is_none() || !(6..8).contains(&number), "{number}: {steps:#?}");
                let (steps, _) = plan(&pool, &ways.found_by_scope[number], repo).await;
                assert!(steps[0].contains(BY_SCOPE), "{number}: {steps:#?}");
            }
            for (count, index) in [(&ways.count_by_key, BY_KEY), (&ways.count_by_scope, BY_SCOPE)] {
                let (steps, _) = plan(&pool, count, repo).await;
                assert!(steps[0].contains("COVERING") && steps[0].contains(index), "{steps:#?}");
            }
        }
    }
}
