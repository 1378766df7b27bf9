//! Staging: a NAR waits under a name of its pusher's.

use std::time::Duration;

use snowbank_nix::hash::NarHash;

use super::{had_in, nar_columns};
use crate::Result;
use crate::ids::CacheId;
use crate::rooms::{NarFile, Stage, Staged, StoredNar};
use crate::sql::{Database, Driver, Sql, Writing, args, millis, signed, sql};
use crate::statements::kept::texts;

const STAGED: Sql = sql!(
    "SELECT staged.name, " nar_columns!() ", staged.file_hash, staged.file_size
     FROM staged JOIN nars ON nars.id = staged.nar
     WHERE staged.cache = $1 AND staged.view = $2 AND staged.pusher = $3 AND staged.lease_until > $4
       AND staged.name" in_blobs("$5")
);
/// Locked, so that no sweep takes it before it is staged.
const KNOWN: Sql = sql!(
    "SELECT " nar_columns!() " FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash = $2 AND "
    had_in!() in_blobs("$3") ")" each("", " FOR SHARE OF nars")
);
const LOCK_WAITING: Sql = sql!(
    "SELECT id FROM paths WHERE cache = $1 AND view = $2 AND nar_hash = $3 AND nar IS NULL
     ORDER BY id" for_update
);
const GIVE: Sql = sql!("UPDATE paths SET nar = $2 WHERE nar IS NULL AND id" in_ints("$1"));
const LOCK: Sql = sql!(
    "SELECT id, nar FROM staged WHERE cache = $1 AND view = $2 AND pusher = $3 AND name = $4" for_update
);
const INSERT: Sql = sql!(
    "INSERT INTO staged (cache, view, pusher, name, nar, file_hash, file_size, lease_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (cache, view, pusher, name) DO NOTHING"
);
const REPLACE: Sql =
    sql!("UPDATE staged SET nar = $2, file_hash = $3, file_size = $4, lease_until = $5 WHERE id = $1");
const LOOSEN: Sql = sql!("UPDATE nars SET loose = 1 WHERE id" in_ints("$1"));
const EXTEND: Sql = sql!(
    "UPDATE staged SET lease_until = CASE WHEN lease_until > $5 THEN lease_until ELSE $5 END
     WHERE cache = $1 AND view = $2 AND pusher = $3 AND lease_until > $4"
);

/// What is locked before a NAR is: the paths that wait for it, and what is staged where it will be.
#[derive(Debug)]
pub(super) struct Place {
    waiting: Vec<i64>,
    staged: Option<(i64, i64)>,
}

impl Place {
    /// Locks them.
    pub(super) async fn lock<D: Driver>(tx: &mut Writing<D>, stage: &Stage, hash: &NarHash) -> Result<Self> {
        let waiting = tx.all(&LOCK_WAITING, args![stage.cache, &stage.view, hash.bytes()]).await?;
        Ok(Self { waiting, staged: lock_staged(tx, stage).await? })
    }

    /// Stages a NAR, which must be locked, and gives it to the paths that wait.
    pub(super) async fn fill<D: Driver>(
        mut self,
        tx: &mut Writing<D>,
        stage: &Stage,
        nar: &StoredNar,
        file: Option<NarFile>,
        lease: Duration,
    ) -> Result<()> {
        let until = tx.now().await? + millis(lease);
        let hash = file.map(|file| file.hash.base16());
        let hash = hash.as_ref().map(String::as_bytes);
        let size = file.map(|file| signed(file.size));
        loop {
            if let Some((id, old)) = self.staged {
                tx.run(&REPLACE, args![id, nar.id, hash, size, until]).await?;
                if old != nar.id.0 {
                    loosen(tx, vec![old]).await?;
                }
                break;
            }
            let Stage { cache, view, pusher, name } = stage;
            let values = args![*cache, view, pusher, name, nar.id, hash, size, until];
            if tx.run(&INSERT, values).await? > 0 {
                break;
            }
            // Somebody else's was committed since it was looked for.
            self.staged = lock_staged(tx, stage).await?;
        }
        if !self.waiting.is_empty() {
            tx.run(&GIVE, args![&self.waiting, nar.id]).await?;
        }
        Ok(())
    }
}

async fn lock_staged<D: Driver>(tx: &mut Writing<D>, stage: &Stage) -> Result<Option<(i64, i64)>> {
    tx.find(&LOCK, args![stage.cache, &stage.view, &stage.pusher, &stage.name]).await
}

/// Notes that NARs have lost a name, for a sweep to find out whether they have another.
pub(in crate::statements) async fn loosen<D: Driver>(tx: &mut Writing<D>, mut nars: Vec<i64>) -> Result<()> {
    nars.sort_unstable();
    nars.dedup();
    if !nars.is_empty() {
        tx.run(&LOOSEN, args![&nars]).await?;
    }
    Ok(())
}

pub(super) async fn stage_known<D: Driver>(
    database: &Database<D>,
    stage: &Stage,
    views: &[String],
    hash: &NarHash,
    lease: Duration,
) -> Result<Option<StoredNar>> {
    let mut tx = database.write("stage a NAR that is there").await?;
    let place = Place::lock(&mut tx, stage, hash).await?;
    let views = texts(views);
    let values = args![stage.cache, hash.bytes(), &views];
    let Some(nar) = tx.find::<StoredNar>(&KNOWN, values).await? else { return Ok(None) };
    place.fill(&mut tx, stage, &nar, None, lease).await?;
    tx.commit().await?;
    Ok(Some(nar))
}

pub(super) async fn staged_many<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    view: &str,
    pusher: &str,
    names: &[String],
) -> Result<Vec<(String, Staged)>> {
    let mut session = database.read("find staged NARs").await?;
    let now = session.now().await?;
    session.all(&STAGED, args![cache, view, pusher, now, &texts(names)]).await
}

pub(super) async fn extend_staged<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    view: &str,
    pusher: &str,
    lease: Duration,
) -> Result<u64> {
    let mut tx = database.write("extend the leases of staged NARs").await?;
    let now = tx.now().await?;
    let extended = tx.run(&EXTEND, args![cache, view, pusher, now, now + millis(lease)]).await?;
    tx.commit().await?;
    Ok(extended)
}
