//! What a save has superseded: pure arithmetic over what the repository holds.

use std::time::{Duration, SystemTime};

use snowbank_actions::client::rest::CacheEntry;
use snowbank_actions::scope::Scopes;

use super::{Kind, Kinds, Knowledge, may_name, readable, within_bounds};
use crate::series::Key;

/// Generations of a series and ref that stay.
const STAY: usize = 2;

/// Entries that one save deletes at the most. GitHub counts a deletion as five of the 900 points a minute that a token has.
const MOST: usize = 50;

/// A pack that was used within this time may be needed by a restore under way.
const IN_USE: Duration = Duration::from_secs(24 * 3600);

/// An index that was not used for so long is not read, since that would keep it for ever; what it may name stays until
/// it has aged out.
const STALE: Duration = Duration::from_secs(2 * 24 * 3600);

/// What may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Superseded<'a> {
    /// Generations of the same series and ref that are older than the newest two, the oldest first.
    pub generations: Vec<&'a CacheEntry>,
    /// Packs of the same ref that nobody used lately; they go where no index that stays names them.
    pub packs: Vec<&'a CacheEntry>,
    /// The indexes that have to be read to know that.
    pub read: Vec<&'a CacheEntry>,
}

/// Plans what may go after `published`, the entry that was just saved, was made the newest generation of its series by a
/// job of these scopes. `complete` says whether `entries` are all of the repository.
#[must_use]
pub fn superseded<'a>(
    entries: &'a [CacheEntry],
    complete: bool,
    kinds: &Kinds,
    published: &CacheEntry,
    scopes: Option<&Scopes>,
) -> Superseded<'a> {
    // The server's clock: this machine's may be wrong.
    let now = published.created;
    let Kind::Index { series, generation: 1.. } = kinds.of(published) else { return Superseded::default() };
    let mut generations = older(entries, kinds, published, &series);
    generations.sort_by_key(|(generation, _)| std::cmp::Reverse(*generation));
    let generations: Vec<_> = generations.into_iter().skip(STAY).map(|(_, entry)| entry).rev().collect();
    let some = |generations| Superseded { generations, ..Superseded::default() };
    if generations.len() >= MOST {
        return some(generations.into_iter().take(MOST).collect());
    }
    // What this job cannot see is not known without its scopes.
    if !complete || scopes.is_none() {
        return some(generations);
    }
    let remaining: Vec<_> = readable(entries, kinds, scopes)
        .into_iter()
        .filter(|index| !generations.iter().any(|gone| gone.id == index.id))
        .collect();
    let is_own = |index: &CacheEntry| index.scope == published.scope && is_of(kinds, index, &series);
    let (stale, fresh): (Vec<_>, Vec<_>) =
        remaining.into_iter().partition(|index| !is_own(index) && idle(index, now, STALE));
    let packs = entries
        .iter()
        .filter(|entry| kinds.is_pack(entry) && entry.scope == published.scope && idle(entry, now, IN_USE));
    let mut packs: Vec<_> = packs.filter(|pack| !stale.iter().any(|index| may_name(index, pack))).collect();
    packs.sort_by_key(|pack| (std::cmp::Reverse(pack.size), pack.id));
    let mut read = fresh;
    read.retain(|index| packs.iter().any(|pack| may_name(index, pack)));
    if within_bounds(&read).len() < read.len() {
        return some(generations);
    }
    Superseded { generations, packs, read }
}

impl<'a> Superseded<'a> {
    /// The packs that none of the indexes names which stay, so many that 50 entries go in all, the largest first. None
    /// at all when one of the indexes could not be read.
    #[must_use]
    pub fn unnamed(&self, known: &Knowledge) -> Vec<&'a CacheEntry> {
        let Some(named) = self.read.iter().map(|index| known.of(index)).collect::<Option<Vec<_>>>() else {
            return Vec::new();
        };
        let unnamed = |pack: &&CacheEntry| !named.iter().any(|keys| keys.contains(&pack.key));
        self.packs.iter().copied().filter(unnamed).take(MOST - self.generations.len().min(MOST)).collect()
    }
}

/// The generations of the series that are in the same ref, with their numbers.
fn older<'a>(
    entries: &'a [CacheEntry],
    kinds: &Kinds,
    published: &CacheEntry,
    series: &Key,
) -> Vec<(u64, &'a CacheEntry)> {
    let same =
        entries.iter().filter(|entry| entry.scope == published.scope && entry.version == published.version);
    let generation = |entry: &'a CacheEntry| match kinds.of(entry) {
        Kind::Index { series: of, generation } if of == *series && generation > 0 => {
            Some((generation, entry))
        }
        _ => None,
    };
    same.filter_map(generation).collect()
}

fn is_of(kinds: &Kinds, index: &CacheEntry, series: &Key) -> bool {
    matches!(kinds.of(index), Kind::Index { series: of, .. } if of == *series)
}

fn idle(entry: &CacheEntry, now: SystemTime, span: Duration) -> bool {
    now.duration_since(entry.accessed).is_ok_and(|idle| idle >= span)
}
