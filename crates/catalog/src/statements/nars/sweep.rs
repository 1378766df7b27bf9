//! What no name leads to any more.

use super::stage::loosen;
use crate::Result;
use crate::ids::NarId;
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::kept::let_go;

const EXPIRED: Sql =
    sql!("SELECT id, nar FROM staged WHERE lease_until <= $1 ORDER BY id LIMIT $2" skip_locked);
const UNSTAGE: Sql = sql!("DELETE FROM staged WHERE id" in_ints("$1"));
const LOOSE: Sql = sql!("SELECT id FROM nars WHERE loose = 1 ORDER BY id LIMIT $1" skip_locked);
const DELETE: Sql = sql!(
    "DELETE FROM nars WHERE id" in_ints("$1")
    " AND NOT EXISTS (SELECT 1 FROM paths WHERE paths.nar = nars.id)
      AND NOT EXISTS (SELECT 1 FROM staged WHERE staged.nar = nars.id) RETURNING recipe"
);
const SETTLE: Sql = sql!("UPDATE nars SET loose = 0 WHERE id" in_ints("$1"));

const LOCK_PATHS: Sql = sql!("SELECT id FROM paths WHERE nar = $1 ORDER BY id" for_update);
const LOCK_STAGED: Sql = sql!("SELECT id FROM staged WHERE nar = $1 ORDER BY id" for_update);
const LOCK_NAR: Sql = sql!("SELECT recipe FROM nars WHERE id = $1" for_update);
const WAIT_AGAIN: Sql = sql!("UPDATE paths SET nar = NULL WHERE nar = $1 AND upstream = 1");
const DELETE_PATHS: Sql = sql!("DELETE FROM paths WHERE nar = $1");
const UNSTAGE_ALL: Sql = sql!("DELETE FROM staged WHERE nar = $1");
const DELETE_ONE: Sql = sql!("DELETE FROM nars WHERE id = $1");

pub(super) async fn sweep_nars<D: Driver>(database: &Database<D>, limit: u64) -> Result<u64> {
    let mut tx = database.write("sweep NARs").await?;
    let now = tx.now().await?;
    let expired = tx.all::<(i64, i64)>(&EXPIRED, args![now, signed(limit)]).await?;
    if !expired.is_empty() {
        let ids: Vec<i64> = expired.iter().map(|(id, _)| *id).collect();
        tx.run(&UNSTAGE, args![&ids]).await?;
        loosen(&mut tx, expired.iter().map(|(_, nar)| *nar).collect()).await?;
    }
    // The rows are locked first and judged second: whoever staged or published one in the meantime held its lock until the
    // commit, and is seen by the next statement.
    let loose = tx.all::<i64>(&LOOSE, args![signed(limit)]).await?;
    if !loose.is_empty() {
        let recipes = tx.all::<i64>(&DELETE, args![&loose]).await?;
        tx.run(&SETTLE, args![&loose]).await?;
        let_go(&mut tx, recipes).await?;
    }
    tx.commit().await?;
    Ok((expired.len() + loose.len()) as u64)
}

pub(super) async fn lose_nar<D: Driver>(database: &Database<D>, nar: NarId) -> Result<u64> {
    let mut tx = database.write("take a damaged NAR away").await?;
    tx.all::<i64>(&LOCK_PATHS, args![nar]).await?;
    tx.all::<i64>(&LOCK_STAGED, args![nar]).await?;
    let Some(recipe) = tx.find::<i64>(&LOCK_NAR, args![nar]).await? else { return Ok(0) };
    // No name can be added from here on.
    tx.run(&WAIT_AGAIN, args![nar]).await?;
    let deleted = tx.run(&DELETE_PATHS, args![nar]).await?;
    tx.run(&UNSTAGE_ALL, args![nar]).await?;
    tx.run(&DELETE_ONE, args![nar]).await?;
    let_go(&mut tx, vec![recipe]).await?;
    tx.commit().await?;
    Ok(deleted)
}
