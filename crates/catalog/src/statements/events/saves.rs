//! Saves, and how they were used.

use async_trait::async_trait;

use super::Bounds;
use crate::Result;
use crate::ids::EntryId;
use crate::rooms::{EventFilter, Fate, Parts, Restores, Save, Saves};
use crate::sql::{
    Cells, Columns, Database, Driver, Read, Sql, Table, Value, Writing, args, millis, signed, sql,
};

const SAVED: Sql = sql!(
    "INSERT INTO saves (entry, repo, scope, key, version, size, begun, finished)
     SELECT $2, repo, scope, key, version, $3, created, $4 FROM uploads WHERE id = $1"
);
const RECODED: Sql = sql!("UPDATE saves SET added = $2 WHERE entry = $1");
const NOTE_PARTS: Sql =
    sql!("UPDATE saves SET part_of = $1 WHERE part_of IS NULL AND entry <> $1 AND entry" in_ints("$2"));
const NOTE_RESTORES: Sql = sql!(
    "UPDATE saves SET restores = restores +" int_at("1") ", timed = timed +" int_at("2")
    ", restore_millis = restore_millis +" int_at("3") " FROM" rows("$1") "WHERE saves.entry =" int_at("0")
);

macro_rules! columns {
    () => {
        "SELECT saves.id, repositories.name, saves.entry, saves.scope, saves.key, saves.version, saves.size, \
         saves.added, saves.begun, saves.finished, saves.part_of, saves.restores, saves.timed, saves.restore_millis, \
         (SELECT count(*) FROM saves AS part WHERE part.part_of = saves.entry), \
         (SELECT CAST(coalesce(sum(part.size), 0) AS BIGINT) FROM saves AS part WHERE part.part_of = saves.entry), \
         (SELECT CAST(coalesce(sum(part.added), 0) AS BIGINT) FROM saves AS part WHERE part.part_of = saves.entry), \
         (SELECT count(*) FROM saves AS part WHERE part.part_of = saves.entry AND part.added IS NULL), \
         (SELECT min(part.begun) FROM saves AS part WHERE part.part_of = saves.entry) \
         FROM saves JOIN repositories ON repositories.id = saves.repo \
         WHERE saves.id < $1 AND ($3 = 1 OR saves.part_of IS NULL) "
    };
}

const FATES: Sql =
    sql!("SELECT saves.entry, saves.restores, saves.added FROM saves WHERE saves.entry" in_ints("$1"));
const ALL: Sql = sql!(columns!() "ORDER BY saves.id DESC LIMIT $2");
const OF_REPOSITORY: Sql = sql!(
    columns!() "AND saves.repo = $4 AND ($5 IS NULL OR saves.key >= $5 AND saves.key < $6)
     ORDER BY saves.id DESC LIMIT $2"
);

impl Read for Save {
    const NOUN: &'static str = "save";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repository: columns.read()?,
            entry: columns.read()?,
            slot: columns.read()?,
            size: columns.read()?,
            added: columns.read()?,
            begun: columns.read()?,
            finished: columns.read()?,
            part_of: columns.read()?,
            restores: columns.read()?,
            timed: columns.read()?,
            restore_millis: columns.read()?,
            parts: Parts {
                count: columns.read()?,
                size: columns.read()?,
                added: columns.read()?,
                pending: columns.read()?,
                begun: columns.read::<Option<i64>>()?.map(crate::ids::Timestamp),
            },
        })
    }
}

impl Read for Fate {
    const NOUN: &'static str = "save";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { entry: columns.read()?, restores: columns.read()?, added: columns.read()? })
    }
}

/// Notes that an upload becomes an entry, before it ends.
pub(in crate::statements) async fn saved<D: Driver>(
    tx: &mut Writing<D>,
    upload: i64,
    entry: EntryId,
    size: u64,
) -> Result<()> {
    let now = tx.now().await?;
    tx.run(&SAVED, args![upload, entry, signed(size), now]).await?;
    Ok(())
}

/// Notes how much of an entry was not stored before.
pub(in crate::statements) async fn recoded<D: Driver>(
    tx: &mut Writing<D>,
    entry: EntryId,
    added: u64,
) -> Result<()> {
    tx.run(&RECODED, args![entry, signed(added)]).await?;
    Ok(())
}

#[async_trait]
impl<D: Driver> Saves for Database<D> {
    async fn note_parts(&self, snapshot: EntryId, packs: &[EntryId]) -> Result<()> {
        let mut packs: Vec<i64> = packs.iter().map(|pack| pack.0).collect();
        packs.sort_unstable();
        if packs.is_empty() {
            return Ok(());
        }
        self.retry(|| async {
            let mut tx = self.write("note the packs of a snapshot").await?;
            tx.run(&NOTE_PARTS, args![snapshot, &packs]).await?;
            tx.commit().await
        })
        .await
    }

    async fn note_restores(&self, restores: &[Restores]) -> Result<()> {
        if restores.is_empty() {
            return Ok(());
        }
        let rows = Table::of(restores.iter().map(|uses| {
            [
                Value::from(uses.entry),
                Value::from(signed(uses.found)),
                Value::from(signed(uses.timed)),
                Value::from(millis(uses.took)),
            ]
        }));
        self.retry(|| async {
            let mut tx = self.write("note restores").await?;
            tx.run(&NOTE_RESTORES, args![&rows]).await?;
            tx.commit().await
        })
        .await
    }

    async fn saves(&self, filter: &EventFilter, parts: bool) -> Result<Vec<Save>> {
        let mut session = self.read("list saves").await?;
        let Bounds { before, low, high, limit } = Bounds::of(filter);
        let parts = i64::from(parts);
        match filter.repo {
            Some(repo) => {
                let values = args![before, limit, parts, repo, low, high.as_deref()];
                session.all(&OF_REPOSITORY, values).await
            }
            None => session.all(&ALL, args![before, limit, parts]).await,
        }
    }

    async fn fates(&self, entries: &[EntryId]) -> Result<Vec<Fate>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let entries: Vec<i64> = entries.iter().map(|entry| entry.0).collect();
        self.read("find what became of saves").await?.all(&FATES, args![&entries]).await
    }
}
