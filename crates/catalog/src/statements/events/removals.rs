//! What went, and what never came.

use async_trait::async_trait;

use super::Bounds;
use crate::Result;
use crate::rooms::{Ending, EventFilter, MAX_NOTED_TEXT, Removal, Removals, Unfinished, Why, cut};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, sql};
use crate::statements::codes;

/// Of two that delete an entry at once, the second waits here and finds it gone.
const REMOVED: Sql = sql!(
    "INSERT INTO removals (repo, entry, scope, key, version, size, created, accessed, removed, reason, who)
     SELECT repo, id, scope, key, version, size, created, accessed, $2, $3, $4 FROM entries
     WHERE id" in_ints("$1") " ORDER BY id" for_update
);
const ENDED: Sql = sql!(
    "INSERT INTO unfinished (repo, scope, key, version, begun, ended, how)
     SELECT repo, scope, key, version, created, CASE WHEN lease_until < $2 THEN lease_until ELSE $2 END, $3
     FROM uploads WHERE id" in_ints("$1") " ORDER BY id"
);

macro_rules! removal_columns {
    () => {
        "SELECT removals.id, repositories.name, removals.entry, removals.scope, removals.key, removals.version, \
         removals.size, removals.created, removals.accessed, removals.removed, removals.reason, removals.who \
         FROM removals JOIN repositories ON repositories.id = removals.repo WHERE removals.id < $1 "
    };
}

macro_rules! unfinished_columns {
    () => {
        "SELECT unfinished.id, repositories.name, unfinished.scope, unfinished.key, unfinished.version, \
         unfinished.begun, unfinished.ended, unfinished.how \
         FROM unfinished JOIN repositories ON repositories.id = unfinished.repo WHERE unfinished.id < $1 "
    };
}

const REMOVALS: Sql = sql!(removal_columns!() "ORDER BY removals.id DESC LIMIT $2");
const REMOVALS_OF: Sql = sql!(
    removal_columns!() "AND removals.repo = $3 AND ($4 IS NULL OR removals.key >= $4 AND removals.key < $5)
     ORDER BY removals.id DESC LIMIT $2"
);
const UNFINISHED: Sql = sql!(unfinished_columns!() "ORDER BY unfinished.id DESC LIMIT $2");
const UNFINISHED_OF: Sql = sql!(
    unfinished_columns!() "AND unfinished.repo = $3 AND ($4 IS NULL OR unfinished.key >= $4 AND unfinished.key < $5)
     ORDER BY unfinished.id DESC LIMIT $2"
);

impl Read for Removal {
    const NOUN: &'static str = "removal";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repository: columns.read()?,
            entry: columns.read()?,
            slot: columns.read()?,
            size: columns.read()?,
            created: columns.read()?,
            accessed: columns.read()?,
            removed: columns.read()?,
            reason: codes::removal_of(columns.read()?)?,
            by: columns.read()?,
        })
    }
}

impl Read for Unfinished {
    const NOUN: &'static str = "upload";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repository: columns.read()?,
            slot: columns.read()?,
            begun: columns.read()?,
            ended: columns.read()?,
            how: columns.read()?,
        })
    }
}

/// Notes why entries go that are about to be deleted.
pub(in crate::statements) async fn removed<D: Driver>(
    tx: &mut Writing<D>,
    entries: &Vec<i64>,
    why: Why<'_>,
) -> Result<()> {
    let now = tx.now().await?;
    let by = why.by().map(|by| cut(by, MAX_NOTED_TEXT).as_bytes());
    tx.run(&REMOVED, args![entries, now, codes::removal(why.reason()), by]).await?;
    Ok(())
}

/// Notes that uploads end without an entry. Their rows are locked.
pub(in crate::statements) async fn ended<D: Driver>(
    tx: &mut Writing<D>,
    uploads: &Vec<i64>,
    how: Ending,
) -> Result<()> {
    let now = tx.now().await?;
    tx.run(&ENDED, args![uploads, now, codes::ending(how)]).await?;
    Ok(())
}

#[async_trait]
impl<D: Driver> Removals for Database<D> {
    async fn removals(&self, filter: &EventFilter) -> Result<Vec<Removal>> {
        let mut session = self.read("list what went").await?;
        let Bounds { before, low, high, limit } = Bounds::of(filter);
        match filter.repo {
            Some(repo) => session.all(&REMOVALS_OF, args![before, limit, repo, low, high.as_deref()]).await,
            None => session.all(&REMOVALS, args![before, limit]).await,
        }
    }

    async fn unfinished(&self, filter: &EventFilter) -> Result<Vec<Unfinished>> {
        let mut session = self.read("list uploads that were not finished").await?;
        let Bounds { before, low, high, limit } = Bounds::of(filter);
        match filter.repo {
            Some(repo) => session.all(&UNFINISHED_OF, args![before, limit, repo, low, high.as_deref()]).await,
            None => session.all(&UNFINISHED, args![before, limit]).await,
        }
    }
}
