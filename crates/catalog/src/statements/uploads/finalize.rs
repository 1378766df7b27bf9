//! Making an upload an entry.

use snowbank_cas::id::ObjectHash;

use super::DELETE;
use crate::Result;
use crate::ids::{EntryId, RepoId, RepresentationId};
use crate::rooms::{Finalized, Form, JobKind, Slot};
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::codes;
use crate::statements::events::saved;
use crate::statements::slots::{entry_of, place};

/// How many saves of a repository make a tier.
const TIER: i64 = 256;

const LOCK: Sql = sql!(
    "SELECT id, form, committed FROM uploads
     WHERE repo = $1 AND place = $2 AND key = $3 AND lease_until > $4" for_update
);
const CONTENT: Sql = sql!(
    "SELECT blocks.hash, blocks.size FROM content JOIN blocks ON blocks.id = content.block
     WHERE content.upload = $1 ORDER BY content.ordinal"
);
const NEXT_SEQ: Sql = sql!(
    "UPDATE repositories SET next_seq = next_seq + 1, held = held + 1, held_bytes = held_bytes + $2
     WHERE id = $1 RETURNING next_seq"
);
const INSERT_ENTRY: Sql = sql!(
    "INSERT INTO entries (repo, scope, key, version, place, seq, tier, size, created, accessed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING id"
);
const INSERT_RAW: Sql = sql!(
    "INSERT INTO representations (entry, repo, source, form, size, etag, held_until)
     VALUES ($1, $2, 0, $3, $4, $5, $6) RETURNING id"
);
const INSERT_SEGMENTS: Sql = sql!(
    "INSERT INTO segments (representation, ordinal, object, size, hash)
     SELECT $1, content.ordinal, blocks.object, blocks.size, blocks.hash
     FROM content JOIN blocks ON blocks.id = content.block WHERE content.upload = $2"
);
const INSERT_JOB: Sql = sql!("INSERT INTO jobs (kind, subject, due) VALUES ($1, $2, $3)");
const DOOM_REST: Sql = sql!(
    "INSERT INTO doomed (object, size) SELECT object, size FROM blocks
     WHERE upload = $1 AND NOT EXISTS (SELECT 1 FROM content WHERE content.block = blocks.id)"
);

pub(super) async fn finalize<D: Driver>(
    database: &Database<D>,
    repo: RepoId,
    slot: &Slot,
    size: u64,
) -> Result<Finalized> {
    let mut tx = database.write("finalize an upload").await?;
    let now = tx.now().await?;
    let place = place(&slot.scope, &slot.version);
    let holder = tx.find::<(i64, Form, bool)>(&LOCK, args![repo, &place, &slot.key, now]).await?;
    if let Some(entry) = entry_of(&mut tx, repo, slot).await? {
        return Ok(Finalized::Exists(entry));
    }
    let Some((upload, form, committed)) = holder else { return Ok(Finalized::Unknown) };
    if !committed {
        return Ok(Finalized::Nothing);
    }
    let content = tx.all::<(ObjectHash, u64)>(&CONTENT, args![upload]).await?;
    let committed = content.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    if committed != size {
        return Ok(Finalized::SizeMismatch { committed });
    }

    let seq = tx.one::<i64>(&NEXT_SEQ, args![repo, signed(size)]).await?;
    let values =
        args![repo, &slot.scope, &slot.key, &slot.version, &place, seq, seq / TIER, signed(size), now];
    let entry = tx.one::<EntryId>(&INSERT_ENTRY, values).await?;
    let etag = etag(&content);
    let values = args![entry, repo, codes::form(form), signed(size), etag.as_bytes(), now];
    let raw = tx.one::<RepresentationId>(&INSERT_RAW, values).await?;
    tx.run(&INSERT_SEGMENTS, args![raw, upload]).await?;
    tx.run(&INSERT_JOB, args![codes::job(JobKind::Recode), raw, now]).await?;
    tx.run(&DOOM_REST, args![upload]).await?;
    saved(&mut tx, upload, entry, size).await?;
    tx.run(&DELETE, args![&vec![upload]]).await?;
    tx.commit().await?;
    Ok(Finalized::Entry(entry))
}

/// The ETag of a raw representation.
fn etag(content: &[(ObjectHash, u64)]) -> ObjectHash {
    let mut text = Vec::with_capacity(content.len() * 40);
    for (hash, size) in content {
        text.extend(hash.as_bytes());
        text.extend(size.to_le_bytes());
    }
    ObjectHash::of(&text)
}
