//! Representations and doomed objects.

use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::PackId;

use crate::Result;
use crate::ids::{DomainId, EntryId, RecipeId, RepresentationId, Timestamp};
use crate::rooms::{Doomed, Representation, Representations, Segment, Source};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, millis, signed, sql};

/// What a [`Representation`] is read from.
macro_rules! representation_columns {
    () => {
        "representations.id, representations.entry, representations.repo, representations.source, \
         representations.recipe, representations.pack, representations.form, representations.size, \
         representations.etag, representations.held_until"
    };
}
pub(super) use representation_columns;

const FIND: Sql = sql!("SELECT " representation_columns!() " FROM representations WHERE id = $1");
const CURRENT: Sql = sql!("SELECT " representation_columns!() " FROM representations WHERE entry = $1");
const SERVED_FROM: Sql = sql!(
    "SELECT recipe, entry FROM representations WHERE entry IS NOT NULL AND recipe" in_ints("$1")
    " ORDER BY recipe, entry"
);
const SERVED_WHOLE: Sql = sql!(
    "SELECT pack, entry FROM representations WHERE entry IS NOT NULL AND pack" in_ints("$1")
    " ORDER BY pack, entry"
);
const DOMAIN: Sql = sql!(
    "SELECT repositories.domain FROM representations
     JOIN repositories ON repositories.id = representations.repo WHERE representations.id = $1"
);
const SEGMENTS: Sql =
    sql!("SELECT object, size, hash FROM segments WHERE representation = $1 ORDER BY ordinal");
const HELD: Sql = sql!("SELECT held_until FROM representations WHERE id = $1");
const HOLD: Sql = sql!(
    "UPDATE representations SET held_until = CASE WHEN held_until > $2 THEN held_until ELSE $2 END
     WHERE id = $1 RETURNING held_until"
);
const RETIRED: Sql = sql!(
    "SELECT id, recipe FROM representations WHERE entry IS NULL AND held_until <= $1
     ORDER BY id LIMIT $2" skip_locked
);
/// An object may stand in a representation twice, but is deleted once.
const DOOM: Sql = sql!(
    "INSERT INTO doomed (object, size) SELECT DISTINCT object, size FROM segments
     WHERE representation" in_ints("$1")
);
/// Their segments go with them.
const DELETE: Sql = sql!("DELETE FROM representations WHERE id" in_ints("$1"));
const LOCK_RECIPES: Sql = sql!("SELECT id FROM recipes WHERE id" in_ints("$1") " ORDER BY id" for_update);
/// Their pages go with them.
const DELETE_RECIPES: Sql = sql!(
    "DELETE FROM recipes WHERE id" in_ints("$1")
    " AND NOT EXISTS (SELECT 1 FROM representations WHERE representations.recipe = recipes.id)"
);
const DOOMED: Sql = sql!("SELECT id, object FROM doomed ORDER BY id LIMIT $1");
const FORGET: Sql = sql!("DELETE FROM doomed WHERE id" in_ints("$1"));
const RUNNING: Sql = sql!("SELECT id FROM uploads WHERE lease_until > $2 AND id" in_ints("$1"));
const UNNAMED: Sql = sql!(
    "SELECT listed.value FROM" blobs("$1")
    "WHERE NOT EXISTS (SELECT 1 FROM segments WHERE segments.object = listed.value)
       AND NOT EXISTS (SELECT 1 FROM doomed WHERE doomed.object = listed.value)"
);
const RAW_BYTES: Sql = sql!(
    "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM (
        SELECT size FROM blocks UNION ALL SELECT size FROM segments UNION ALL SELECT size FROM doomed
     ) AS objects"
);
const STAYING_BYTES: Sql = sql!(
    "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM (
        SELECT size FROM blocks UNION ALL SELECT segments.size FROM segments
        JOIN representations ON representations.id = segments.representation WHERE representations.entry IS NOT NULL
     ) AS objects"
);

/// The most by which a hold is made longer than asked, so that the next ones need not write.
const SLACK: i64 = 10 * 60 * 1000;

/// A source as the columns `source`, `recipe` and `pack`.
pub(super) fn source_columns(source: Source) -> (i64, Option<i64>, Option<i64>) {
    match source {
        Source::Raw => (0, None, None),
        Source::Frames(recipe) => (1, Some(recipe.0), None),
        Source::Chunks(recipe) => (2, Some(recipe.0), None),
        Source::Pack(pack) => (3, None, Some(super::packs::number(pack))),
    }
}

impl Read for Source {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let source = columns.read::<i64>()?;
        let recipe = columns.read::<Option<i64>>()?.map(RecipeId);
        let pack = columns.read::<Option<u64>>()?.map(PackId);
        match (source, recipe, pack) {
            (0, None, None) => Some(Self::Raw),
            (1, Some(recipe), None) => Some(Self::Frames(recipe)),
            (2, Some(recipe), None) => Some(Self::Chunks(recipe)),
            (3, None, Some(pack)) => Some(Self::Pack(pack)),
            _ => None,
        }
    }
}

impl Read for Representation {
    const NOUN: &'static str = "representation";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            entry: columns.read()?,
            repo: columns.read()?,
            source: columns.read()?,
            form: columns.read()?,
            size: columns.read()?,
            etag: columns.read()?,
            held_until: columns.read()?,
        })
    }
}

impl Read for Segment {
    const NOUN: &'static str = "segment";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { object: columns.read()?, size: columns.read()?, hash: columns.read()? })
    }
}

impl Read for Doomed {
    const NOUN: &'static str = "doomed object";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { id: columns.read()?, object: columns.read()? })
    }
}

/// The upload whose block an object of this name is.
fn upload_of(object: &str) -> Option<i64> {
    object.strip_prefix("uploads/")?.split_once('/')?.0.parse().ok()
}

#[async_trait]
impl<D: Driver> Representations for Database<D> {
    async fn representation(&self, id: RepresentationId) -> Result<Option<Representation>> {
        self.read("find a representation").await?.find(&FIND, args![id]).await
    }

    async fn current(&self, entry: EntryId) -> Result<Option<Representation>> {
        self.read("find an entry's representation").await?.find(&CURRENT, args![entry]).await
    }

    async fn served_from(&self, recipes: &[RecipeId]) -> Result<Vec<(RecipeId, EntryId)>> {
        let recipes: Vec<i64> = recipes.iter().map(|recipe| recipe.0).collect();
        self.read("find what recipes are served as").await?.all(&SERVED_FROM, args![&recipes]).await
    }

    async fn served_whole(&self, packs: &[PackId]) -> Result<Vec<(PackId, EntryId)>> {
        let packs = super::packs::numbers(packs);
        self.read("find what packs are served as").await?.all(&SERVED_WHOLE, args![&packs]).await
    }

    async fn domain_of(&self, id: RepresentationId) -> Result<Option<DomainId>> {
        self.read("find a representation's domain").await?.find(&DOMAIN, args![id]).await
    }

    async fn segments(&self, id: RepresentationId) -> Result<Vec<Segment>> {
        self.read("list a representation's blocks").await?.all(&SEGMENTS, args![id]).await
    }

    async fn hold(&self, id: RepresentationId, span: Duration) -> Result<Option<Timestamp>> {
        let mut session = self.read("find a representation's hold").await?;
        let until = session.now().await? + millis(span);
        let Some(held) = session.find::<Timestamp>(&HELD, args![id]).await? else { return Ok(None) };
        drop(session);
        if held.0 >= until {
            return Ok(Some(held));
        }
        self.retry(|| async {
            let mut tx = self.write("hold a representation").await?;
            let span = millis(span);
            let until = tx.now().await? + span + SLACK.min(span / 4);
            let held = tx.find::<Timestamp>(&HOLD, args![id, until]).await?;
            tx.commit().await?;
            Ok(held)
        })
        .await
    }

    async fn sweep_retired(&self, limit: u64) -> Result<u64> {
        self.retry(|| async {
            let mut tx = self.write("sweep retired representations").await?;
            let now = tx.now().await?;
            let retired = tx.all::<(i64, Option<i64>)>(&RETIRED, args![now, signed(limit)]).await?;
            if retired.is_empty() {
                return Ok(0);
            }
            let ids: Vec<i64> = retired.iter().map(|(id, _)| *id).collect();
            let recipes: Vec<i64> = retired.iter().filter_map(|(_, recipe)| *recipe).collect();
            tx.run(&DOOM, args![&ids]).await?;
            tx.run(&DELETE, args![&ids]).await?;
            if !recipes.is_empty() {
                // Of two sweeps that delete the last two names of a recipe at once, the second must see the first.
                tx.all::<i64>(&LOCK_RECIPES, args![&recipes]).await?;
                tx.run(&DELETE_RECIPES, args![&recipes]).await?;
            }
            tx.commit().await?;
            Ok(ids.len() as u64)
        })
        .await
    }

    async fn doomed(&self, limit: u64) -> Result<Vec<Doomed>> {
        self.read("list doomed objects").await?.all(&DOOMED, args![signed(limit)]).await
    }

    async fn forget_doomed(&self, ids: &[i64]) -> Result<()> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        self.retry(|| async {
            let mut tx = self.write("forget deleted objects").await?;
            tx.run(&FORGET, args![&ids]).await?;
            tx.commit().await
        })
        .await
    }

    async fn unnamed_blocks(&self, objects: &[String]) -> Result<Vec<String>> {
        let mut session = self.read("find blocks that nothing names").await?;
        let now = session.now().await?;
        let uploads: Vec<i64> = objects.iter().filter_map(|object| upload_of(object)).collect();
        // Uploads first: one that is finalized between the two statements is seen by at least one of them.
        let running = session.all::<i64>(&RUNNING, args![&uploads, now]).await?;
        let objects: Vec<Vec<u8>> = objects
            .iter()
            .filter(|object| !upload_of(object).is_some_and(|upload| running.contains(&upload)))
            .map(|object| object.clone().into_bytes())
            .collect();
        session.all(&UNNAMED, args![&objects]).await
    }

    async fn raw_bytes(&self) -> Result<u64> {
        self.read("add up uploaded bytes").await?.one(&RAW_BYTES, args![]).await
    }

    async fn staying_bytes(&self) -> Result<u64> {
        self.read("add up uploaded bytes that stay").await?.one(&STAYING_BYTES, args![]).await
    }
}
