//! Packs and the chunk index.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash, PackId};
use snowbank_cas::recipe::FrameRef;

use super::codes::{ABANDONED, CONDEMNED, LIVE, WRITING};
use crate::Result;
use crate::ids::{DomainId, EntryId};
use crate::rooms::{Pack, Packs};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Writing, args, millis, signed, sql};

/// What a [`Pack`] is read from.
macro_rules! pack_columns {
    () => {
        "packs.id, packs.domain, packs.hash, packs.size, packs.state"
    };
}

/// Whether nothing names a pack.
macro_rules! unnamed {
    () => {
        "NOT EXISTS (SELECT 1 FROM page_packs WHERE page_packs.pack = packs.id) \
         AND NOT EXISTS (SELECT 1 FROM representations WHERE representations.pack = packs.id)"
    };
}

const BEGIN: Sql = sql!("INSERT INTO packs (domain, state, lease_until) VALUES ($1, $2, $3) RETURNING id");
const STORED: Sql =
    sql!("UPDATE packs SET state = $2, hash = $3, size = $4 WHERE id = $1 AND state = $5 RETURNING domain");
const INDEX: Sql = sql!(
    "INSERT INTO chunks (domain, hash, pack, place)
     SELECT $1, substr(listed.value, 1, 32), $2, substr(listed.value, 33) FROM" blobs("$3")
    "WHERE true ON CONFLICT (domain, hash) DO UPDATE SET pack = excluded.pack, place = excluded.place"
);
const FIND_CHUNKS: Sql = sql!(
    "SELECT chunks.hash, chunks.pack, chunks.place FROM chunks JOIN packs ON packs.id = chunks.pack
     WHERE chunks.domain = $1 AND packs.state = $3 AND chunks.hash" in_blobs("$2")
);
const FORGET_CHUNKS: Sql = sql!(
    "DELETE FROM chunks WHERE domain = (SELECT domain FROM packs WHERE id = $1) AND pack = $1
     AND hash" in_blobs("$2")
);
const LOCK_LIVE: Sql = sql!("SELECT domain FROM packs WHERE id = $1 AND state = $2" for_update);
const CLEAR: Sql = sql!("DELETE FROM chunks WHERE pack" in_ints("$1"));
const FIND: Sql = sql!("SELECT " pack_columns!() " FROM packs WHERE id = $1 AND state IN (1, 2)");
const PAGE: Sql = sql!(
    "SELECT " pack_columns!() " FROM packs WHERE id > $1 AND state IN (1, 2) ORDER BY id LIMIT $2"
);
const UNREACHABLE: Sql = sql!(
    "SELECT " pack_columns!() " FROM packs WHERE state = $1 AND lease_until <= $2 AND "
    unnamed!() " ORDER BY id"
);
const LOCK_DUE: Sql = sql!(
    "SELECT id FROM packs WHERE state = $2 AND lease_until <= $3 AND id" in_ints("$1")
    " ORDER BY id" for_update
);
const CONDEMN: Sql = sql!(
    "UPDATE packs SET state = $2, condemned = $3 WHERE id" in_ints("$1") " AND " unnamed!() " RETURNING id"
);
const CONDEMNED_SINCE: Sql = sql!(
    "SELECT " pack_columns!() " FROM packs WHERE state = $1 AND condemned <= $2 AND "
    unnamed!() " ORDER BY id"
);
const FORGET: Sql = sql!("DELETE FROM packs WHERE id = $1 AND state IN (2, 3)");
const ABANDON: Sql = sql!("UPDATE packs SET state = $2 WHERE state = $1 AND lease_until <= $3");
const FIND_ABANDONED: Sql = sql!("SELECT id FROM packs WHERE state = $1 ORDER BY id");
const UNKNOWN: Sql = sql!(
    "SELECT listed.value FROM" ints("$1")
    "WHERE NOT EXISTS (SELECT 1 FROM packs WHERE packs.id = listed.value)"
);
const PACKS_OF: Sql = sql!(
    "SELECT packs.id, packs.size FROM packs WHERE packs.id IN (
         SELECT page_packs.pack FROM page_packs
         JOIN representations ON representations.recipe = page_packs.recipe
         WHERE representations.entry = $1
         UNION SELECT representations.pack FROM representations WHERE representations.entry = $1
     ) ORDER BY packs.id"
);
const REFERRERS: Sql = sql!(
    "SELECT (SELECT count(DISTINCT page_packs.recipe) FROM page_packs WHERE page_packs.pack = listed.value)
          + (SELECT count(*) FROM representations WHERE representations.pack = listed.value)
     FROM" ranked_ints("$1") "ORDER BY listed.rank"
);
const SHOWN_BYTES: Sql = sql!(
    "SELECT CAST(coalesce(sum(packs.size), 0) AS BIGINT) FROM packs WHERE packs.id IN (
         SELECT page_packs.pack FROM page_packs
         JOIN representations ON representations.recipe = page_packs.recipe
         WHERE representations.entry IS NOT NULL
         UNION SELECT page_packs.pack FROM nars JOIN page_packs ON page_packs.recipe = nars.recipe
         UNION SELECT page_packs.pack FROM files JOIN page_packs ON page_packs.recipe = files.recipe
         UNION SELECT representations.pack FROM representations WHERE representations.entry IS NOT NULL
     )"
);
const BYTES: Sql = sql!("SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM packs");

/// A pack's number as SQL keeps it. Numbers that no pack can have become one that none has.
pub(super) fn number(pack: PackId) -> i64 {
    i64::try_from(pack.0).unwrap_or(-1)
}

pub(super) fn numbers(packs: &[PackId]) -> Vec<i64> {
    packs.iter().copied().map(number).collect()
}

impl Read for Pack {
    const NOUN: &'static str = "pack";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            domain: columns.read()?,
            hash: columns.read()?,
            size: columns.read()?,
            condemned: match columns.read::<i64>()? {
                LIVE => false,
                CONDEMNED => true,
                _ => return None,
            },
        })
    }
}

/// A row of the chunk index.
struct Indexed(FrameRef);

impl Read for Indexed {
    const NOUN: &'static str = "chunk";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let chunk = columns.read::<Vec<u8>>()?.try_into().ok()?;
        let pack = columns.read()?;
        let place = columns.read::<Vec<u8>>()?;
        let (frame, lengths) = place.split_first_chunk::<32>()?;
        let lengths: &[u8; 12] = lengths.try_into().ok()?;
        let number =
            |at: usize| u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
        Some(Self(FrameRef {
            chunk: ChunkHash::from_bytes(chunk),
            frame: FrameHash::from_bytes(*frame),
            raw_len: number(0),
            stored_len: number(4),
            pack,
            offset: number(8),
        }))
    }
}

/// Each chunk's hash and place in one string, by rising hash and each chunk once, the last of its places.
fn records(frames: &[FrameRef]) -> Vec<Vec<u8>> {
    let places: BTreeMap<ChunkHash, &FrameRef> = frames.iter().map(|frame| (frame.chunk, frame)).collect();
    places
        .into_values()
        .map(|frame| {
            let mut record = Vec::with_capacity(76);
            record.extend(frame.chunk.as_bytes());
            record.extend(frame.frame.as_bytes());
            record.extend(frame.raw_len.to_le_bytes());
            record.extend(frame.stored_len.to_le_bytes());
            record.extend(frame.offset.to_le_bytes());
            record
        })
        .collect()
}

async fn index<D: Driver>(
    tx: &mut Writing<D>,
    domain: DomainId,
    pack: PackId,
    frames: &[FrameRef],
) -> Result<()> {
    tx.run(&INDEX, args![domain, number(pack), &records(frames)]).await?;
    Ok(())
}

#[async_trait]
impl<D: Driver> Packs for Database<D> {
    async fn begin_pack(&self, domain: DomainId, lease: Duration) -> Result<PackId> {
        self.retry(|| async {
            let mut tx = self.write("begin a pack").await?;
            let until = tx.now().await? + millis(lease);
            let id = tx.one(&BEGIN, args![domain, WRITING, until]).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    async fn pack_stored(
        &self,
        id: PackId,
        hash: ObjectHash,
        size: u64,
        frames: &[FrameRef],
    ) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("record a pack").await?;
            let values = args![number(id), LIVE, hash.as_bytes(), signed(size), WRITING];
            let Some(domain) = tx.find::<DomainId>(&STORED, values).await? else { return Ok(false) };
            index(&mut tx, domain, id, frames).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn find_chunks(&self, domain: DomainId, chunks: &[ChunkHash]) -> Result<Vec<Option<FrameRef>>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect();
        let mut session = self.read("look up chunks").await?;
        let found = session.all::<Indexed>(&FIND_CHUNKS, args![domain, &asked, LIVE]).await?;
        let found: HashMap<ChunkHash, FrameRef> =
            found.into_iter().map(|Indexed(frame)| (frame.chunk, frame)).collect();
        Ok(chunks.iter().map(|chunk| found.get(chunk).copied()).collect())
    }

    async fn forget_chunks(&self, pack: PackId, chunks: &[ChunkHash]) -> Result<()> {
        let mut hashes: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect();
        hashes.sort_unstable();
        self.retry(|| async {
            let mut tx = self.write("take chunks out of the index").await?;
            tx.run(&FORGET_CHUNKS, args![number(pack), &hashes]).await?;
            tx.commit().await
        })
        .await
    }

    async fn reindex(&self, pack: PackId, frames: &[FrameRef]) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("index a pack anew").await?;
            let domain = tx.find::<DomainId>(&LOCK_LIVE, args![number(pack), LIVE]).await?;
            if let Some(domain) = domain {
                tx.run(&CLEAR, args![&vec![number(pack)]]).await?;
                index(&mut tx, domain, pack, frames).await?;
            }
            tx.commit().await
        })
        .await
    }

    async fn pack(&self, id: PackId) -> Result<Option<Pack>> {
        self.read("find a pack").await?.find(&FIND, args![number(id)]).await
    }

    async fn packs(&self, after: Option<PackId>, limit: u64) -> Result<Vec<Pack>> {
        let after = after.map_or(-1, |pack| signed(pack.0));
        self.read("list packs").await?.all(&PAGE, args![after, signed(limit)]).await
    }

    async fn unreachable_packs(&self) -> Result<Vec<Pack>> {
        let mut session = self.read("find unreachable packs").await?;
        let now = session.now().await?;
        session.all(&UNREACHABLE, args![LIVE, now]).await
    }

    async fn condemn(&self, packs: &[PackId]) -> Result<Vec<PackId>> {
        let packs = numbers(packs);
        self.retry(|| async {
            let mut tx = self.write("condemn packs").await?;
            let now = tx.now().await?;
            // The rows are locked first and judged second: a page that named one of them in the meantime held its
            // lock until its commit, and is seen by the next statement.
            let due = tx.all::<i64>(&LOCK_DUE, args![&packs, LIVE, now]).await?;
            let mut condemned = tx.all::<i64>(&CONDEMN, args![&due, CONDEMNED, now]).await?;
            condemned.sort_unstable();
            tx.run(&CLEAR, args![&condemned]).await?;
            tx.commit().await?;
            Ok(condemned.into_iter().filter_map(|id| id.try_into().ok().map(PackId)).collect())
        })
        .await
    }

    async fn condemned_since(&self, grace: Duration) -> Result<Vec<Pack>> {
        let mut session = self.read("find condemned packs").await?;
        let until = session.now().await? - millis(grace);
        session.all(&CONDEMNED_SINCE, args![CONDEMNED, until]).await
    }

    async fn forget_pack(&self, id: PackId) -> Result<()> {
        self.retry(|| async {
            let mut tx = self.write("forget a pack").await?;
            tx.run(&FORGET, args![number(id)]).await?;
            tx.commit().await
        })
        .await
    }

    async fn abandoned_packs(&self) -> Result<Vec<PackId>> {
        self.retry(|| async {
            let mut tx = self.write("find abandoned packs").await?;
            let now = tx.now().await?;
            // From here on it cannot be recorded any more, so its object can be deleted.
            tx.run(&ABANDON, args![WRITING, ABANDONED, now]).await?;
            let abandoned = tx.all(&FIND_ABANDONED, args![ABANDONED]).await?;
            tx.commit().await?;
            Ok(abandoned)
        })
        .await
    }

    async fn unknown_packs(&self, ids: &[PackId]) -> Result<Vec<PackId>> {
        let (possible, impossible): (Vec<PackId>, Vec<PackId>) =
            ids.iter().partition(|id| i64::try_from(id.0).is_ok());
        let mut session = self.read("find packs without a row").await?;
        let mut unknown = session.all::<PackId>(&UNKNOWN, args![&numbers(&possible)]).await?;
        unknown.extend(impossible);
        Ok(unknown)
    }

    async fn packs_of(&self, entry: EntryId) -> Result<Vec<(PackId, u64)>> {
        self.read("find an entry's packs").await?.all(&PACKS_OF, args![entry]).await
    }

    async fn referrers(&self, packs: &[PackId]) -> Result<Vec<u64>> {
        self.read("count what names packs").await?.all(&REFERRERS, args![&numbers(packs)]).await
    }

    async fn pack_bytes(&self) -> Result<u64> {
        self.read("add up packs").await?.one(&BYTES, args![]).await
    }

    async fn shown_pack_bytes(&self) -> Result<u64> {
        self.read("add up packs of visible entries").await?.one(&SHOWN_BYTES, args![]).await
    }
}
