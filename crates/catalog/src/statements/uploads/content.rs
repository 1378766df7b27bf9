//! What has arrived of an upload.
//!
//! Each method first extends the lease, which locks the upload's row: changes of one upload follow each other.

use std::collections::HashMap;
use std::time::Duration;

use super::{DOOM, extend};
use crate::Result;
use crate::ids::UploadId;
use crate::rooms::{Block, Changed};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, signed, sql};

/// Rows of upload $1 that neither the content holds nor a block list can name any more, because a newer block
/// has their name.
macro_rules! superseded {
    () => {
        "blocks.upload = $1
         AND EXISTS (SELECT 1 FROM blocks AS newer WHERE newer.upload = blocks.upload
                     AND newer.name = blocks.name AND newer.id > blocks.id)
         AND NOT EXISTS (SELECT 1 FROM content WHERE content.block = blocks.id)"
    };
}

const INSERT: Sql = sql!(
    "INSERT INTO blocks (upload, name, start, object, size, hash) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id"
);
const DOOM_SUPERSEDED: Sql =
    sql!("INSERT INTO doomed (object, size) SELECT object, size FROM blocks WHERE " superseded!());
const DELETE_SUPERSEDED: Sql = sql!("DELETE FROM blocks WHERE " superseded!());
const DOOM_REPLACED: Sql = sql!(
    "INSERT INTO doomed (object, size) SELECT object, size FROM blocks WHERE name = $2 AND " superseded!()
);
const DELETE_REPLACED: Sql = sql!("DELETE FROM blocks WHERE name = $2 AND " superseded!());
const DELETE_BLOCKS: Sql = sql!("DELETE FROM blocks WHERE upload = $1");
const NAMES: Sql = sql!("SELECT id, name FROM blocks WHERE upload = $1 ORDER BY id");
const CLEAR: Sql = sql!("DELETE FROM content WHERE upload = $1");
const FILL: Sql = sql!(
    "INSERT INTO content (upload, ordinal, block) SELECT $1, listed.rank, listed.value FROM" ranked_ints("$2")
);
const APPEND: Sql = sql!(
    "INSERT INTO content (upload, ordinal, block)
     SELECT $1, coalesce(max(ordinal), -1) + 1, $2 FROM content WHERE upload = $1"
);
const COMMITTED: Sql = sql!("UPDATE uploads SET committed = 1 WHERE id = $1");
const BLOCKS: Sql = sql!(
    "SELECT blocks.name, blocks.start, blocks.object, blocks.size, blocks.hash
     FROM blocks JOIN uploads ON uploads.id = blocks.upload
     WHERE blocks.upload = $1 AND uploads.lease_until > $2
     ORDER BY blocks.start NULLS FIRST, blocks.id"
);

impl Read for Block {
    const NOUN: &'static str = "block";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            position: columns.read()?,
            object: columns.read()?,
            size: columns.read()?,
            hash: columns.read()?,
        })
    }
}

async fn insert<D: Driver>(tx: &mut Writing<D>, id: UploadId, block: &Block) -> Result<i64> {
    let start = block.position.map(signed);
    let values = args![id, &block.id, start, &block.object, signed(block.size), block.hash.as_bytes()];
    tx.one(&INSERT, values).await
}

pub(super) async fn add_block<D: Driver>(
    database: &Database<D>,
    id: UploadId,
    block: &Block,
    lease: Duration,
) -> Result<Changed> {
    let mut tx = database.write("record a block").await?;
    if !extend(&mut tx, id, lease).await? {
        return Ok(Changed::Gone);
    }
    insert(&mut tx, id, block).await?;
    if tx.run(&DOOM_REPLACED, args![id, &block.id]).await? > 0 {
        tx.run(&DELETE_REPLACED, args![id, &block.id]).await?;
    }
    tx.commit().await?;
    Ok(Changed::Done)
}

pub(super) async fn commit_blocks<D: Driver>(
    database: &Database<D>,
    id: UploadId,
    names: &[Vec<u8>],
    lease: Duration,
) -> Result<Changed> {
    let mut tx = database.write("commit a list of blocks").await?;
    if !extend(&mut tx, id, lease).await? {
        return Ok(Changed::Gone);
    }
    let known = tx.all::<(i64, Vec<u8>)>(&NAMES, args![id]).await?;
    // Later rows overwrite earlier ones: the newest block of a name is the one that counts.
    let known: HashMap<Vec<u8>, i64> = known.into_iter().map(|(row, name)| (name, row)).collect();
    let mut content = Vec::with_capacity(names.len());
    for name in names {
        match known.get(name) {
            Some(row) => content.push(*row),
            None => return Ok(Changed::UnknownBlock(name.clone())),
        }
    }
    tx.run(&CLEAR, args![id]).await?;
    tx.run(&FILL, args![id, &content]).await?;
    if tx.run(&DOOM_SUPERSEDED, args![id]).await? > 0 {
        tx.run(&DELETE_SUPERSEDED, args![id]).await?;
    }
    tx.run(&COMMITTED, args![id]).await?;
    tx.commit().await?;
    Ok(Changed::Done)
}

pub(super) async fn replace_content<D: Driver>(
    database: &Database<D>,
    id: UploadId,
    block: Option<&Block>,
    lease: Duration,
) -> Result<Changed> {
    let mut tx = database.write("replace an upload's content").await?;
    if !extend(&mut tx, id, lease).await? {
        return Ok(Changed::Gone);
    }
    tx.run(&CLEAR, args![id]).await?;
    tx.run(&DOOM, args![&vec![id.0]]).await?;
    tx.run(&DELETE_BLOCKS, args![id]).await?;
    if let Some(block) = block {
        let row = insert(&mut tx, id, block).await?;
        tx.run(&APPEND, args![id, row]).await?;
    }
    tx.run(&COMMITTED, args![id]).await?;
    tx.commit().await?;
    Ok(Changed::Done)
}

pub(super) async fn append<D: Driver>(
    database: &Database<D>,
    id: UploadId,
    block: &Block,
    lease: Duration,
) -> Result<Changed> {
    let mut tx = database.write("append to an upload").await?;
    if !extend(&mut tx, id, lease).await? {
        return Ok(Changed::Gone);
    }
    let row = insert(&mut tx, id, block).await?;
    tx.run(&APPEND, args![id, row]).await?;
    tx.run(&COMMITTED, args![id]).await?;
    tx.commit().await?;
    Ok(Changed::Done)
}

pub(super) async fn blocks<D: Driver>(database: &Database<D>, id: UploadId) -> Result<Vec<Block>> {
    let mut session = database.read("list an upload's blocks").await?;
    let now = session.now().await?;
    session.all(&BLOCKS, args![id, now]).await
}
