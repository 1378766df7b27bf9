//! Deleting entries.

use std::collections::BTreeMap;

use crate::Result;
use crate::ids::RepoId;
use crate::rooms::Why;
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::events::removed;

/// Repositories are locked before entries.
const LOCK: Sql = sql!(
    "SELECT id FROM repositories WHERE id IN (SELECT entries.repo FROM entries WHERE entries.id" in_ints("$1") ")
     ORDER BY id" for_update
);
/// Their representations retire with it: the reference to the entry becomes null.
const DELETE: Sql = sql!("DELETE FROM entries WHERE id" in_ints("$1") " RETURNING repo, size");
const ACCOUNT: Sql =
    sql!("UPDATE repositories SET held = held - $2, held_bytes = held_bytes - $3 WHERE id = $1");

/// Deletes entries by their numbers, which rise. Returns how many there were; what they were, and why they went, is kept.
pub(super) async fn delete<D: Driver>(
    database: &Database<D>,
    numbers: &Vec<i64>,
    why: Why<'_>,
) -> Result<u64> {
    if numbers.is_empty() {
        return Ok(0);
    }
    database
        .retry(|| async {
            let mut tx = database.write("delete entries").await?;
            tx.all::<RepoId>(&LOCK, args![numbers]).await?;
            removed(&mut tx, numbers, why).await?;
            let deleted = tx.all::<(RepoId, u64)>(&DELETE, args![numbers]).await?;
            let mut gone: BTreeMap<RepoId, (i64, i64)> = BTreeMap::new();
            for (repo, size) in &deleted {
                let (entries, bytes) = gone.entry(*repo).or_default();
                *entries += 1;
                *bytes = bytes.saturating_add(signed(*size));
            }
            for (repo, (entries, bytes)) in gone {
                tx.run(&ACCOUNT, args![repo, entries, bytes]).await?;
            }
            tx.commit().await?;
            Ok(deleted.len() as u64)
        })
        .await
}
