//! Finding what a restore gets.
//!
//! One statement, in these steps:
//!
//! 1. For every scope and key, one probe of the index for the first key that begins so. The first pair, by scope and
//!    then by key, for which there is one has *won*: whatever comes later in the order cannot matter.
//! 2. Of the pair that won, up to 65 matches are read in the order of keys. An exact one is the first of them and wins.
//! 3. Of 64 or fewer, the newest wins.
//! 4. More are not read. A repository's saves are numbered, and every 256 of them make a *tier*. Tiers are
//!    walked from the newest down, each at the price of a probe, until one holds a match; the newest match in it is
//!    the newest of all, and it is one of at most 256.
//!
//! PostgreSQL plans the statement without knowing how many rows there are, so each probe is written as a subquery with
//! an order and a limit: that is done by an index, row by row, and is never turned into a join over all entries.
//!
//! So the price does not grow with the number of entries, but for the walk, which costs a probe for each 256 saves
//! made since the newest match.

use super::entry_columns;
use crate::Result;
use crate::ids::RepoId;
use crate::rooms::{Entry, Hit, Representation};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, sql};
use crate::statements::representations::representation_columns;
use crate::statements::slots::place;

const LOOKUP: Sql = sql!(
    "WITH RECURSIVE asked (scope_rank, key_rank, place, low, high) AS ("
    each(
        "SELECT scopes.key, keys.key, unhex(scopes.value), unhex(keys.value), unhex(keys.value || 'ff')
         FROM json_each($2) AS scopes, json_each($3) AS keys",
        "SELECT scopes.rank, keys.rank, scopes.value, keys.value, keys.value || '\\xff'::bytea
         FROM unnest($2) WITH ORDINALITY AS scopes (value, rank),
              unnest($3) WITH ORDINALITY AS keys (value, rank)"
    )
    "), probed AS MATERIALIZED (
        SELECT asked.*, (
            SELECT entries.key FROM entries
            WHERE entries.repo = $1 AND entries.place = asked.place
              AND entries.key >= asked.low AND entries.key < asked.high
            ORDER BY entries.key LIMIT 1
        ) AS first
        FROM asked
    ), won AS MATERIALIZED (
        SELECT place, low, high, first FROM probed
        WHERE first IS NOT NULL ORDER BY scope_rank, key_rank LIMIT 1
    ), few AS MATERIALIZED (
        SELECT entries.id, entries.seq, entries.key FROM entries
        WHERE entries.repo = $1 AND entries.place = (SELECT place FROM won)
          AND entries.key >= (SELECT low FROM won) AND entries.key < (SELECT high FROM won)
        ORDER BY entries.key LIMIT 65
    ), walk (tier) AS (
        SELECT (
            SELECT entries.tier FROM entries
            WHERE entries.repo = $1 AND entries.place = (SELECT place FROM won)
            ORDER BY entries.tier DESC LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT entries.tier FROM entries
            WHERE entries.repo = $1 AND entries.place = (SELECT place FROM won) AND entries.tier < walk.tier
            ORDER BY entries.tier DESC LIMIT 1
        )
        FROM walk
        WHERE walk.tier IS NOT NULL AND (
            SELECT entries.seq FROM entries
            WHERE entries.repo = $1 AND entries.place = (SELECT place FROM won) AND entries.tier = walk.tier
              AND entries.key >= (SELECT low FROM won) AND entries.key < (SELECT high FROM won)
            ORDER BY entries.key LIMIT 1
        ) IS NULL
    )
    SELECT " entry_columns!() ", " representation_columns!() "
    FROM entries JOIN representations ON representations.entry = entries.id
    WHERE entries.id = (
        SELECT CASE
            WHEN won.first = won.low THEN (SELECT few.id FROM few WHERE few.key = won.low)
            WHEN (SELECT count(*) FROM few) <= 64 THEN (SELECT few.id FROM few ORDER BY few.seq DESC LIMIT 1)
            ELSE (
                SELECT entries.id FROM entries
                WHERE entries.repo = $1 AND entries.place = won.place
                  AND entries.tier = (SELECT min(walk.tier) FROM walk)
                  AND entries.key >= won.low AND entries.key < won.high
                ORDER BY entries.seq DESC LIMIT 1
            )
        END
        FROM won
    )"
);

impl Read for Hit {
    const NOUN: &'static str = "entry";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { entry: columns.read::<Entry>()?, representation: columns.read::<Representation>()? })
    }
}

pub(super) async fn lookup<D: Driver>(
    database: &Database<D>,
    repo: RepoId,
    scopes: &[String],
    version: &str,
    keys: &[String],
) -> Result<Option<Hit>> {
    let places: Vec<Vec<u8>> = scopes.iter().map(|scope| place(scope, version).to_vec()).collect();
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.clone().into_bytes()).collect();
    database.read("look up an entry").await?.find(&LOOKUP, args![repo, &places, &keys]).await
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    #[tokio::test]
    async fn sqlite_probes_indexes_and_scans_no_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", LOOKUP.sqlite));
        let rows = sqlx::query(text).bind(1_i64).bind("[]").bind("[]").fetch_all(&pool).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let on_entries: Vec<_> = steps.iter().filter(|step| step.contains(" entries ")).collect();
        assert!(on_entries.len() >= 6, "{steps:#?}");
        assert!(on_entries.iter().all(|step| step.starts_with("SEARCH")), "{steps:#?}");
    }
}
