//! Checking: everything is read back against its hashes; what is damaged becomes a miss.

use std::collections::{BTreeSet, HashMap};

use snowbank_cas::bucket::{BucketError, pack_name};
use snowbank_cas::check::{PackFault, check_pack, hash_object};
use snowbank_cas::id::{ChunkHash, PackId};
use snowbank_cas::recipe::FrameRef;
use snowbank_catalog::ids::{EntryId, RecipeId};
use snowbank_catalog::rooms::{Entry, Listing, Pack, Representation, SortBy, Source, Why};
use snowbank_nix::hash::NarHash;

use crate::service::{Kind, Result, Service, ServiceError};

/// Rows read in one statement.
pub(super) const PAGE: u64 = 200;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A pack's object is missing, short, or its footer does not hold.
    Pack {
        /// The pack.
        pack: PackId,
        /// What is wrong.
        what: String,
    },
    /// A frame does not give the chunk that it should.
    Frame {
        /// The pack.
        pack: PackId,
        /// Where in it.
        offset: u32,
        /// The chunk that is lost.
        chunk: ChunkHash,
    },
    /// An uploaded block is missing or altered.
    Block {
        /// The object's name.
        object: String,
    },
    /// A NAR of a binary cache that cannot be read because of one of the above.
    Nar {
        /// Its hash.
        hash: NarHash,
    },
    /// An entry that cannot be restored because of one of the above.
    Entry {
        /// The entry.
        entry: EntryId,
        /// Its key.
        key: String,
    },
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Packs read.
    pub packs: u64,
    /// Frames read.
    pub frames: u64,
    /// Entries looked at.
    pub entries: u64,
    /// NARs of binary caches looked at.
    pub nars: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// Entries and paths removed, chunks forgotten and index rows written anew (with `repair` only).
    pub repaired: u64,
}

/// The damaged places, for looking up.
#[derive(Default)]
pub(super) struct Lost {
    packs: BTreeSet<PackId>,
    frames: BTreeSet<(PackId, u32)>,
}

impl Service {
    /// Reads every pack and every uploaded block back. With `repair`, chunk index rows are made anew from the packs'
    /// footers, damaged chunks are forgotten, so that the next upload brings them again, and entries that cannot be
    /// restored and NARs that cannot be read are removed, the latter with their paths.
    pub async fn check(&self, repair: bool) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        let mut lost = Lost::default();
        let mut after = None;
        loop {
            let packs = self.0.catalog.packs(after, PAGE).await?;
            let Some(last) = packs.last() else { break };
            after = Some(last.id);
            for pack in packs.iter().filter(|pack| !pack.condemned) {
                self.check_one(pack, repair, &mut report, &mut lost).await?;
            }
        }
        self.check_entries(repair, &lost, &mut report).await?;
        self.check_nars(repair, &lost, &mut report).await?;
        Ok(report)
    }

    async fn check_one(
        &self,
        pack: &Pack,
        repair: bool,
        report: &mut CheckReport,
        lost: &mut Lost,
    ) -> Result<()> {
        report.packs += 1;
        report.bytes += pack.size;
        match check_pack(&self.0.bucket, pack.id, pack.size).await {
            Ok(checked) => {
                report.frames += checked.good.len() as u64 + checked.bad.len() as u64;
                lost.frames.extend(checked.bad.iter().map(|frame| (pack.id, frame.offset)));
                report.damage.extend(self.indexed(pack, &checked.bad).await?);
                if repair {
                    self.0.catalog.reindex(pack.id, &checked.good).await?;
                    report.repaired += checked.good.len() as u64;
                }
            }
            Err(PackFault::Damaged(error)) => {
                // What was collected since it was listed is not damaged.
                let now = self.0.catalog.pack(pack.id).await?;
                if now.is_none_or(|now| now.condemned) {
                    return Ok(());
                }
                lost.packs.insert(pack.id);
                report.damage.push(Damage::Pack { pack: pack.id, what: error.to_string() });
                if repair {
                    self.0.catalog.reindex(pack.id, &[]).await?;
                }
            }
            Err(PackFault::Bucket(error)) => return Err(unread(&pack_name(pack.id), error)),
        }
        Ok(())
    }

    /// Those of these frames that the next upload would be given: a damaged frame that nothing finds or uses any more
    /// is only waste.
    async fn indexed(&self, pack: &Pack, bad: &[FrameRef]) -> Result<Vec<Damage>> {
        let chunks: Vec<ChunkHash> = bad.iter().map(|frame| frame.chunk).collect();
        let found = self.0.catalog.find_chunks(pack.domain, &chunks).await?;
        let still = bad.iter().zip(found).filter(|(bad, found)| {
            found.is_some_and(|found| (found.pack, found.offset) == (bad.pack, bad.offset))
        });
        let damage =
            |frame: &FrameRef| Damage::Frame { pack: pack.id, offset: frame.offset, chunk: frame.chunk };
        Ok(still.map(|(bad, _)| damage(bad)).collect())
    }

    async fn check_entries(&self, repair: bool, lost: &Lost, report: &mut CheckReport) -> Result<()> {
        let mut damaged = HashMap::new();
        let mut offset = 0;
        loop {
            let page = self.0.catalog.list(&every_entry(offset)).await?.entries;
            if page.is_empty() {
                break;
            }
            offset += page.len() as u64;
            for (_, entry) in page {
                report.entries += 1;
                if !self.is_whole(&entry, lost, report).await? {
                    report.damage.push(Damage::Entry { entry: entry.id, key: entry.slot.key.clone() });
                    damaged.insert(entry.id, entry.slot.key);
                }
            }
        }
        if repair {
            for (entry, key) in &damaged {
                tracing::error!(%entry, key, "a damaged entry was removed: it becomes a miss");
            }
            let damaged: Vec<EntryId> = damaged.into_keys().collect();
            report.repaired += self.0.catalog.delete(&damaged, Why::Damaged).await?;
        }
        Ok(())
    }

    /// Whether an entry can be restored, if it is still there.
    async fn is_whole(&self, entry: &Entry, lost: &Lost, report: &mut CheckReport) -> Result<bool> {
        let mut current = self.0.catalog.current(entry.id).await?;
        while let Some(looked_at) = current {
            let known = report.damage.len();
            if self.form_is_whole(&looked_at, lost, report).await? {
                break;
            }
            current = self.0.catalog.current(entry.id).await?;
            if current.as_ref().is_some_and(|current| current.id == looked_at.id) {
                return Ok(false);
            }
            // It was recoded or deleted meanwhile, and the form that was looked at has gone.
            report.damage.truncate(known);
        }
        Ok(true)
    }

    async fn form_is_whole(
        &self,
        representation: &Representation,
        lost: &Lost,
        report: &mut CheckReport,
    ) -> Result<bool> {
        match representation.source {
            Source::Raw => self.blocks_are_whole(representation, report).await,
            Source::Pack(pack) => {
                Ok(!lost.packs.contains(&pack) && !lost.frames.iter().any(|(of, _)| *of == pack))
            }
            Source::Frames(recipe) | Source::Chunks(recipe) => self.recipe_is_whole(recipe, lost).await,
        }
    }

    /// Whether every frame that a recipe names can be read.
    pub(super) async fn recipe_is_whole(&self, recipe: RecipeId, lost: &Lost) -> Result<bool> {
        let mut number = 0;
        while let Some(page) = self.0.catalog.page(recipe, number).await? {
            number += 1;
            let whole = page.page.frames.iter().all(|frame| {
                !lost.packs.contains(&frame.pack) && !lost.frames.contains(&(frame.pack, frame.offset))
            });
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every uploaded block has its hash; those that have not are named in the report. Fails where the bucket
    /// does not answer, for that says nothing about a block.
    pub(super) async fn blocks_are_whole(
        &self,
        raw: &Representation,
        report: &mut CheckReport,
    ) -> Result<bool> {
        let mut whole = true;
        for segment in self.0.catalog.segments(raw.id).await? {
            report.bytes += segment.size;
            let sound = match hash_object(&self.0.bucket, &segment.object, segment.size).await {
                Ok(hash) => hash == segment.hash,
                Err(error) if error.is_damage() => false,
                Err(error) => return Err(unread(&segment.object, error)),
            };
            if !sound {
                report.damage.push(Damage::Block { object: segment.object });
                whole = false;
            }
        }
        Ok(whole)
    }
}

fn unread(object: &str, error: BucketError) -> ServiceError {
    ServiceError::caused(Kind::Unavailable, format!("the object {object} could not be read"), error)
}

fn every_entry(offset: u64) -> Listing {
    Listing { offset, ..Listing::first(PAGE, SortBy::Created, false) }
}
