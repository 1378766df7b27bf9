//! What retention does with paths.

use super::super::nars::loosen;
use crate::Result;
use crate::ids::{CacheId, PathId, Timestamp};
use crate::rooms::PathRow;
use crate::sql::{Database, Driver, Sql, args, signed, sql};

const TOUCH: Sql = sql!("UPDATE paths SET used = $2 WHERE id" in_ints("$1"));
const WALK: Sql = sql!(
    "SELECT paths.id, paths.view, paths.hash_part, paths.refs, paths.upstream, paths.nar,
            coalesce(nars.stored, 0), paths.created, paths.used
     FROM paths LEFT JOIN nars ON nars.id = paths.nar
     WHERE paths.cache = $1 AND paths.id > $2 ORDER BY paths.id LIMIT $3"
);
/// One that a publication is about to rely on is waited for, and judged by the time of use that it has then.
const LOCK: Sql = sql!(
    "SELECT id FROM paths WHERE id" in_ints("$1") " AND ($2 IS NULL OR used <= $2) ORDER BY id" for_update
);
const DELETE: Sql = sql!("DELETE FROM paths WHERE id" in_ints("$1") " RETURNING nar");

/// Rising, and each once: two statements that lock the same rows then do it in the same order.
fn numbers(paths: &[PathId]) -> Vec<i64> {
    let mut numbers: Vec<i64> = paths.iter().map(|path| path.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

pub(super) async fn touch<D: Driver>(database: &Database<D>, paths: &[PathId]) -> Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let numbers = numbers(paths);
    database
        .retry(|| async {
            let mut tx = database.write("write times of use").await?;
            let now = tx.now().await?;
            tx.run(&TOUCH, args![&numbers, now]).await?;
            tx.commit().await
        })
        .await
}

pub(super) async fn walk<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    after: Option<PathId>,
    limit: u64,
) -> Result<Vec<PathRow>> {
    let after = after.map_or(-1, |path| path.0);
    database.read("list paths").await?.all(&WALK, args![cache, after, signed(limit)]).await
}

pub(super) async fn delete<D: Driver>(
    database: &Database<D>,
    paths: &[PathId],
    unused_since: Option<Timestamp>,
) -> Result<u64> {
    if paths.is_empty() {
        return Ok(0);
    }
    let numbers = numbers(paths);
    let since = unused_since.map(|time| time.0);
    database
        .retry(|| async {
            let mut tx = database.write("delete paths").await?;
            let going = tx.all::<i64>(&LOCK, args![&numbers, since]).await?;
            let nars = tx.all::<Option<i64>>(&DELETE, args![&going]).await?;
            loosen(&mut tx, nars.into_iter().flatten().collect()).await?;
            tx.commit().await?;
            Ok(going.len() as u64)
        })
        .await
}
