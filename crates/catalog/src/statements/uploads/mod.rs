//! Uploads: reservations, and how they end.

mod content;
mod finalize;
mod reserve;

use std::time::Duration;

use async_trait::async_trait;

use super::events::ended;
use super::slots::place;
use crate::Result;
use crate::ids::{RepoId, UploadId};
use crate::rooms::{Block, Changed, Ending, Finalized, Form, Reserved, Slot, Upload, Uploads};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, millis, signed, sql};

macro_rules! columns {
    () => {
        "SELECT id, repo, scope, key, version, created FROM uploads "
    };
}

const FIND: Sql = sql!(columns!() "WHERE id = $1 AND lease_until > $2");
const FIND_BY_SLOT: Sql = sql!(columns!() "WHERE repo = $1 AND place = $2 AND key = $3 AND lease_until > $4");
const BEGUN: Sql = sql!("SELECT count(*) FROM begun WHERE repo = $1 AND moment > $2");
const EXTEND: Sql = sql!("UPDATE uploads SET lease_until = $2 WHERE id = $1 AND lease_until > $3");
const LOCK: Sql = sql!("SELECT id FROM uploads WHERE id = $1 AND lease_until > $2" for_update);
const EXPIRED: Sql = sql!("SELECT id FROM uploads WHERE lease_until <= $1 ORDER BY id LIMIT $2" skip_locked);
const DOOM: Sql =
    sql!("INSERT INTO doomed (object, size) SELECT object, size FROM blocks WHERE upload" in_ints("$1"));
/// Blocks and content go with it.
const DELETE: Sql = sql!("DELETE FROM uploads WHERE id" in_ints("$1"));
const FORGET_BEGUN: Sql = sql!("DELETE FROM begun WHERE moment <= $1");

/// For how long [`Uploads::begun_since`] remembers: a day, in milliseconds.
const BEGUN_KEPT: i64 = 24 * 3600 * 1000;

impl Read for Upload {
    const NOUN: &'static str = "upload";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repo: columns.read()?,
            slot: columns.read()?,
            created: columns.read()?,
        })
    }
}

/// Lets the lease run from now. False when the upload is gone.
async fn extend<D: Driver>(tx: &mut Writing<D>, id: UploadId, lease: Duration) -> Result<bool> {
    let now = tx.now().await?;
    Ok(tx.run(&EXTEND, args![id, now + millis(lease), now]).await? > 0)
}

/// Ends uploads without an entry and dooms their objects.
async fn end<D: Driver>(tx: &mut Writing<D>, uploads: &Vec<i64>, how: Ending) -> Result<()> {
    ended(tx, uploads, how).await?;
    tx.run(&DOOM, args![uploads]).await?;
    tx.run(&DELETE, args![uploads]).await?;
    Ok(())
}

#[async_trait]
impl<D: Driver> Uploads for Database<D> {
    async fn reserve(&self, repo: RepoId, slot: &Slot, form: Form, lease: Duration) -> Result<Reserved> {
        self.retry(|| reserve::reserve(self, repo, slot, form, lease)).await
    }

    async fn begun_since(&self, repo: RepoId, window: Duration) -> Result<u64> {
        let mut session = self.read("count the uploads of late").await?;
        let since = session.now().await? - millis(window);
        session.one(&BEGUN, args![repo, since]).await
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>> {
        let mut session = self.read("find an upload").await?;
        let now = session.now().await?;
        session.find(&FIND, args![id, now]).await
    }

    async fn find_upload(&self, repo: RepoId, slot: &Slot) -> Result<Option<Upload>> {
        let mut session = self.read("find a slot's upload").await?;
        let now = session.now().await?;
        session.find(&FIND_BY_SLOT, args![repo, &place(&slot.scope, &slot.version), &slot.key, now]).await
    }

    async fn extend(&self, id: UploadId, lease: Duration) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("extend an upload's lease").await?;
            let extended = extend(&mut tx, id, lease).await?;
            tx.commit().await?;
            Ok(extended)
        })
        .await
    }

    async fn add_block(&self, id: UploadId, block: &Block, lease: Duration) -> Result<Changed> {
        self.retry(|| content::add_block(self, id, block, lease)).await
    }

    async fn commit_blocks(&self, id: UploadId, ids: &[Vec<u8>], lease: Duration) -> Result<Changed> {
        self.retry(|| content::commit_blocks(self, id, ids, lease)).await
    }

    async fn replace_content(&self, id: UploadId, block: Option<&Block>, lease: Duration) -> Result<Changed> {
        self.retry(|| content::replace_content(self, id, block, lease)).await
    }

    async fn append(&self, id: UploadId, block: &Block, lease: Duration) -> Result<Changed> {
        self.retry(|| content::append(self, id, block, lease)).await
    }

    async fn blocks(&self, id: UploadId) -> Result<Vec<Block>> {
        content::blocks(self, id).await
    }

    async fn finalize(&self, repo: RepoId, slot: &Slot, size: u64) -> Result<Finalized> {
        self.retry(|| finalize::finalize(self, repo, slot, size)).await
    }

    async fn abandon(&self, id: UploadId) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("abandon an upload").await?;
            let now = tx.now().await?;
            if tx.find::<UploadId>(&LOCK, args![id, now]).await?.is_none() {
                return Ok(false);
            }
            end(&mut tx, &vec![id.0], Ending::Abandoned).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn sweep_uploads(&self, limit: u64) -> Result<u64> {
        self.retry(|| async {
            let mut tx = self.write("sweep uploads").await?;
            let now = tx.now().await?;
            let expired = tx.all::<i64>(&EXPIRED, args![now, signed(limit)]).await?;
            if !expired.is_empty() {
                end(&mut tx, &expired, Ending::Expired).await?;
            }
            tx.run(&FORGET_BEGUN, args![now - BEGUN_KEPT]).await?;
            tx.commit().await?;
            Ok(expired.len() as u64)
        })
        .await
    }
}
