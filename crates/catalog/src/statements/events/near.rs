//! What a miss was near.

use crate::Result;
use crate::ids::{RepoId, Timestamp};
use crate::rooms::{NearEntry, NearRemoval, NearUpload, Nearby, Slot};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, sql};
use crate::statements::codes;
use crate::statements::kept::texts;
use crate::statements::slots::after_prefix;

/// Entries of one key that are looked at; the first in the order of keys.
const ENTRIES: i64 = 32;
/// The latest removals, uploads and ended uploads of a repository that are looked through.
const LATEST: i64 = 500;
/// Those of them that are told.
const TOLD: i64 = 32;
/// Keys before and after the primary key.
const NEIGHBOURS: i64 = 4;

const MATCHES: Sql = sql!(
    "SELECT scope, key, version,
       coalesce((SELECT saves.begun FROM saves WHERE saves.entry = entries.id), created), created FROM entries
     WHERE repo = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4"
);
const REMOVED: Sql = sql!(
    "SELECT late.scope, late.key, late.version, late.removed, late.reason, late.who
     FROM (SELECT * FROM removals WHERE repo = $1 ORDER BY id DESC LIMIT $3) AS late
     WHERE EXISTS (SELECT 1 FROM" blobs("$2") "WHERE substr(late.key, 1, length(listed.value)) = listed.value)
     ORDER BY late.id DESC LIMIT $4"
);
/// However long ago it was.
const REMOVED_EXACTLY: Sql = sql!(
    "SELECT scope, key, version, removed, reason, who FROM removals
     WHERE repo = $1 AND key = $2 ORDER BY id DESC LIMIT $3"
);
const RUNNING: Sql = sql!(
    "SELECT late.scope, late.key, late.version, late.created, late.lease_until
     FROM (SELECT * FROM uploads WHERE repo = $1 LIMIT $3) AS late
     WHERE EXISTS (SELECT 1 FROM" blobs("$2") "WHERE substr(late.key, 1, length(listed.value)) = listed.value)
     ORDER BY late.id DESC LIMIT $4"
);
const ENDED: Sql = sql!(
    "SELECT late.scope, late.key, late.version, late.begun, late.ended
     FROM (SELECT * FROM unfinished WHERE repo = $1 ORDER BY id DESC LIMIT $3) AS late
     WHERE EXISTS (SELECT 1 FROM" blobs("$2") "WHERE substr(late.key, 1, length(listed.value)) = listed.value)
     ORDER BY late.id DESC LIMIT $4"
);
const BEFORE: Sql = sql!("SELECT key FROM entries WHERE repo = $1 AND key < $2 ORDER BY key DESC LIMIT $3");
const AFTER: Sql = sql!("SELECT key FROM entries WHERE repo = $1 AND key > $2 ORDER BY key LIMIT $3");

impl Read for NearEntry {
    const NOUN: &'static str = "entry";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { slot: columns.read()?, begun: columns.read()?, created: columns.read()? })
    }
}

impl Read for NearRemoval {
    const NOUN: &'static str = "removal";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            slot: columns.read()?,
            removed: columns.read()?,
            reason: codes::removal_of(columns.read()?)?,
            by: columns.read()?,
        })
    }
}

/// A slot, when it was begun, and until when it is, or was, held.
struct Held(Slot, Timestamp, Timestamp);

impl Read for Held {
    const NOUN: &'static str = "upload";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self(columns.read()?, columns.read()?, columns.read()?))
    }
}

pub(super) async fn near<D: Driver>(database: &Database<D>, repo: RepoId, keys: &[String]) -> Result<Nearby> {
    let Some(primary) = keys.first() else { return Ok(Nearby::default()) };
    let mut session = database.read("look for what a miss was near").await?;
    let now = session.now().await?;
    let mut nearby = Nearby::default();
    for key in keys {
        let found = session.all(&MATCHES, args![repo, key, &after_prefix(key), ENTRIES]).await?;
        nearby.entries.extend::<Vec<NearEntry>>(found);
    }
    let listed = texts(keys);
    nearby.removals = session.all(&REMOVED, args![repo, &listed, LATEST, TOLD]).await?;
    let exactly: Vec<NearRemoval> = session.all(&REMOVED_EXACTLY, args![repo, primary, NEIGHBOURS]).await?;
    let unseen: Vec<_> = exactly.into_iter().filter(|one| !nearby.removals.contains(one)).collect();
    nearby.removals.extend(unseen);
    for Held(slot, begun, until) in session.all::<Held>(&RUNNING, args![repo, &listed, LATEST, TOLD]).await? {
        // An upload whose lease ran out has ended, though nobody has swept it yet.
        nearby.uploads.push(NearUpload { slot, begun, ended: (until.0 <= now).then_some(until) });
    }
    for Held(slot, begun, ended) in session.all::<Held>(&ENDED, args![repo, &listed, LATEST, TOLD]).await? {
        nearby.uploads.push(NearUpload { slot, begun, ended: Some(ended) });
    }
    let mut before: Vec<String> = session.all(&BEFORE, args![repo, primary, NEIGHBOURS]).await?;
    before.reverse();
    nearby.neighbours = before;
    nearby.neighbours.extend(session.all::<String>(&AFTER, args![repo, primary, NEIGHBOURS]).await?);
    nearby.neighbours.dedup();
    Ok(nearby)
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    #[tokio::test]
    async fn sqlite_looks_for_what_is_near_by_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        for sql in [MATCHES, REMOVED, REMOVED_EXACTLY, RUNNING, ENDED, BEFORE, AFTER] {
            let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
            let rows = sqlx::query(text).fetch_all(&pool).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            for table in ["entries", "saves", "removals", "uploads", "unfinished"] {
                let reads = |verb| steps.iter().any(|step| step.starts_with(&format!("{verb} {table}")));
                assert!(!reads("SCAN"), "{steps:#?}");
            }
            assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{steps:#?}");
        }
    }
}
