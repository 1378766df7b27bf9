//! What goes next of what nobody uses: the order in which eviction takes entries, without taking any.

use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::{Entry, Listing, SortBy};

use super::remembered::Held;
use crate::service::limits::Cascade;
use crate::service::{Result, Service, Visitor};

/// Entries that are looked at.
const MOST: u64 = 200;

/// What goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// The order of going; at most 200.
    pub entries: Vec<GoingEntry>,
    /// Whether there are more after them.
    pub more: bool,
    /// Bytes that the repository, or the disk, has.
    pub bytes: u64,
    /// Bytes that it may have.
    pub limit: Option<u64>,
    /// The catalog's time.
    pub now: Timestamp,
}

/// An entry in the order of going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoingEntry {
    /// `owner/name`.
    pub repository: String,
    /// The entry.
    pub entry: Entry,
    /// When it goes unless somebody uses it before: with the first upkeep after this.
    pub due: Timestamp,
    /// Why.
    pub why: GoingFor,
}

/// Why an entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingFor {
    /// Nobody used it for the retention time.
    Retention,
    /// Its repository has more than it may have.
    Size,
    /// The disk has more than it may have.
    Disk,
}

impl Service {
    /// The entries of a repository that go next, as far as the visitor may see them.
    pub async fn going_of(&self, visitor: &Visitor) -> Result<Going> {
        self.write_access_times().await?;
        let usage = self.repository_usage(visitor).await?;
        let now = self.0.catalog.now().await?;
        let coldest = match visitor.repository() {
            Some(repository) => self.0.catalog.coldest(Some(repository.id), 0, MOST + 1).await?,
            None => Vec::new(),
        };
        let cascade = self.whole_cascade().await?;
        let mut excess = usage.bytes.saturating_sub(usage.limit);
        let mut entries = Vec::new();
        for entry in coldest {
            let over = (&mut excess, GoingFor::Size);
            entries.push(judged(&cascade, usage.repository.clone(), entry, now, over));
        }
        let (mut entries, more) = ordered(entries);
        entries.retain(|going| visitor.sees(&going.entry.slot.scope));
        Ok(Going { entries, more, bytes: usage.bytes, limit: Some(usage.limit), now })
    }

    /// The entries of the whole server that were used least recently, which is the order in which they go for the disk's
    /// bound: of those at least that many whose sizes are what the disk has too much, and more where their chunks are others',
    /// too. Whether a repository is over its own size is not looked at.
    pub async fn going(&self) -> Result<Going> {
        self.write_access_times().await?;
        let now = self.0.catalog.now().await?;
        let cascade = self.whole_cascade().await?;
        let Held { uploads, packs, .. } = self.remembered_disk().await?;
        let bytes = uploads.saturating_add(packs);
        let limit = self.settings().max_disk.map(|limit| limit.0);
        let mut excess = limit.map_or(0, |limit| bytes.saturating_sub(limit));
        let mut entries = Vec::new();
        let coldest = Listing::first(MOST + 1, SortBy::Accessed, false);
        for (name, entry) in self.0.catalog.list(&coldest).await?.entries {
            entries.push(judged(&cascade, name, entry, now, (&mut excess, GoingFor::Disk)));
        }
        let (entries, more) = ordered(entries);
        Ok(Going { entries, more, bytes, limit, now })
    }
}

/// `over` is by how many bytes there is too much, and of what.
fn judged(
    cascade: &Cascade<'_>,
    repository: String,
    entry: Entry,
    now: Timestamp,
    over: (&mut u64, GoingFor),
) -> GoingEntry {
    let kept = cascade.of_repository(&repository).retention.0;
    let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    let idle = Timestamp(entry.accessed.0.saturating_add(kept));
    let (excess, why) = over;
    let (due, why) = if *excess > 0 && idle > now { (now, why) } else { (idle, GoingFor::Retention) };
    // As eviction counts: what goes for its age makes room, too.
    *excess = excess.saturating_sub(entry.size);
    GoingEntry { repository, entry, due, why }
}

/// In the order of going, at most so many, and whether there are more.
fn ordered(mut entries: Vec<GoingEntry>) -> (Vec<GoingEntry>, bool) {
    let more = entries.len() as u64 > MOST;
    entries.truncate(MOST as usize);
    entries.sort_by_key(|going| (going.due, going.entry.accessed, going.entry.id));
    (entries, more)
}
