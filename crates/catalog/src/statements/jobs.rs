//! The job queue.

use std::time::Duration;

use async_trait::async_trait;

use super::events::recoded as note_recoded;
use super::representations::source_columns;
use super::{codes, packs};
use crate::Result;
use crate::ids::{DomainId, EntryId, RepresentationId};
use crate::rooms::{Claim, Form, JobKind, Jobs, Queue, Recoded, Source};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, millis, signed, sql};

const ENSURE: Sql = sql!("INSERT INTO jobs (kind, subject, due) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING");
const HASTEN: Sql = sql!(
    "INSERT INTO jobs (kind, subject, due) VALUES ($1, $2, $3)
     ON CONFLICT (kind, subject) DO UPDATE
     SET due = CASE WHEN jobs.due < excluded.due THEN jobs.due ELSE excluded.due END, again = 1"
);
const CLAIM: Sql = sql!(
    "UPDATE jobs SET fence = fence + 1, lease_until = $3, again = 0 WHERE id = (
         SELECT id FROM jobs WHERE kind" in_ints("$1") " AND due <= $2 AND lease_until <= $2
         ORDER BY due, id LIMIT 1" skip_locked
    ") RETURNING id, kind, subject, fence"
);
const RENEW: Sql = sql!("UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2");
const FINISH: Sql = sql!("DELETE FROM jobs WHERE id = $1 AND fence = $2");
const GIVE_BACK: Sql = sql!(
    "UPDATE jobs SET due = CASE again WHEN 1 THEN $3 ELSE $4 END, lease_until = 0, again = 0
     WHERE id = $1 AND fence = $2"
);
const QUEUE: Sql = sql!(
    "SELECT coalesce(sum(CASE WHEN lease_until <= $2 AND due <= $2 THEN 1 ELSE 0 END), 0),
            coalesce(sum(CASE WHEN lease_until > $2 THEN 1 ELSE 0 END), 0),
            coalesce(sum(CASE WHEN lease_until <= $2 AND due > $2 THEN 1 ELSE 0 END), 0)
     FROM jobs WHERE kind = $1"
);

const LOCK_CLAIM: Sql = sql!("SELECT id FROM jobs WHERE id = $1 AND fence = $2" for_update);
const ENTRY_OF: Sql = sql!("SELECT entry FROM representations WHERE id = $1");
const LOCK_ENTRY: Sql = sql!("SELECT id FROM entries WHERE id = $1" for_update);
const RETIRE: Sql =
    sql!("UPDATE representations SET entry = NULL WHERE id = $1 AND entry = $2 RETURNING form");
const DOMAIN_OF: Sql = sql!(
    "SELECT repositories.domain FROM entries JOIN repositories ON repositories.id = entries.repo
     WHERE entries.id = $1"
);
const KEEP_RECIPE: Sql = sql!("UPDATE recipes SET lease_until = NULL WHERE id = $1 AND domain = $2");
const LOCK_PACK: Sql = sql!("SELECT id FROM packs WHERE id = $1 AND domain = $2 AND state = $3" for_share);
const INSERT: Sql = sql!(
    "INSERT INTO representations (entry, repo, source, recipe, pack, form, size, etag, held_until)
     SELECT id, repo, $2, $3, $4, $5, $6, $7, $8 FROM entries WHERE id = $1"
);

impl Read for Claim {
    const NOUN: &'static str = "job";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let (job, kind, subject) = (columns.read()?, columns.read()?, columns.read()?);
        let fence: i64 = columns.read()?;
        // The fence counts the claims, this one included.
        let attempts = u32::try_from(fence - 1).unwrap_or(u32::MAX);
        Some(Self { job, kind, subject, fence, attempts })
    }
}

impl Read for Queue {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { ready: columns.read()?, running: columns.read()?, waiting: columns.read()? })
    }
}

#[async_trait]
impl<D: Driver> Jobs for Database<D> {
    async fn ensure_periodic(&self, kind: JobKind) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("add a periodic job").await?;
            let now = tx.now().await?;
            tx.run(&ENSURE, args![codes::job(kind), now]).await?;
            tx.commit().await
        })
        .await
    }

    async fn hasten(&self, kind: JobKind, subject: i64) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("bring a job forward").await?;
            let now = tx.now().await?;
            tx.run(&HASTEN, args![codes::job(kind), subject, now]).await?;
            tx.commit().await
        })
        .await
    }

    async fn claim(&self, kinds: &[JobKind], lease: Duration) -> Result<Option<Claim>> {
        let kinds: Vec<i64> = kinds.iter().map(|kind| codes::job(*kind)).collect();
        self.retry(|| async {
            let mut tx = self.write("claim a job").await?;
            let now = tx.now().await?;
            let claim = tx.find(&CLAIM, args![&kinds, now, now + millis(lease)]).await?;
            tx.commit().await?;
            Ok(claim)
        })
        .await
    }

    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("renew a job's lease").await?;
            let until = tx.now().await? + millis(lease);
            let renewed = tx.run(&RENEW, args![claim.job, claim.fence, until]).await?;
            tx.commit().await?;
            Ok(renewed > 0)
        })
        .await
    }

    async fn finish(&self, claim: &Claim) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("end a job").await?;
            tx.run(&FINISH, args![claim.job, claim.fence]).await?;
            tx.commit().await
        })
        .await
    }

    async fn give_back(&self, claim: &Claim, delay: Duration) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("give a job back").await?;
            let now = tx.now().await?;
            tx.run(&GIVE_BACK, args![claim.job, claim.fence, now, now + millis(delay)]).await?;
            tx.commit().await
        })
        .await
    }

    async fn swap(&self, claim: &Claim, raw: RepresentationId, recoded: &Recoded) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("swap an entry's representation").await?;
            let swapped = swap(&mut tx, claim, raw, recoded).await?;
            if swapped {
                tx.commit().await?;
            }
            Ok(swapped)
        })
        .await
    }

    async fn queue(&self, kind: JobKind) -> Result<Queue> {
        let mut session = self.read("count jobs").await?;
        let now = session.now().await?;
        session.one(&QUEUE, args![codes::job(kind), now]).await
    }
}

/// Does what [`Jobs::swap`] says but for the commit. False when the transaction is to be dropped.
async fn swap<D: Driver>(
    tx: &mut Writing<D>,
    claim: &Claim,
    raw: RepresentationId,
    recoded: &Recoded,
) -> Result<bool> {
    let now = tx.now().await?;
    if tx.find::<i64>(&LOCK_CLAIM, args![claim.job, claim.fence]).await?.is_none() {
        return Ok(false);
    }
    let Some(Some(entry)) = tx.find::<Option<EntryId>>(&ENTRY_OF, args![raw]).await? else {
        return Ok(false);
    };
    if tx.find::<i64>(&LOCK_ENTRY, args![entry]).await?.is_none() {
        return Ok(false);
    }
    let Some(form) = tx.find::<Form>(&RETIRE, args![raw, entry]).await? else { return Ok(false) };
    let domain = tx.one::<DomainId>(&DOMAIN_OF, args![entry]).await?;
    let named = match recoded.source {
        Source::Raw => false,
        Source::Frames(recipe) | Source::Chunks(recipe) => {
            tx.run(&KEEP_RECIPE, args![recipe, domain]).await? > 0
        }
        Source::Pack(pack) => {
            tx.find::<i64>(&LOCK_PACK, args![packs::number(pack), domain, codes::LIVE]).await?.is_some()
        }
    };
    if !named {
        return Ok(false);
    }
    let (source, recipe, pack) = source_columns(recoded.source);
    let values = args![
        entry,
        source,
        recipe,
        pack,
        codes::form(form),
        signed(recoded.size),
        recoded.etag.as_bytes(),
        now
    ];
    tx.run(&INSERT, values).await?;
    note_recoded(tx, entry, recoded.added).await?;
    tx.run(&FINISH, args![claim.job, claim.fence]).await?;
    Ok(true)
}
