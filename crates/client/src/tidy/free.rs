//! Which packs go with snapshots that are deleted.

use std::collections::HashSet;

use snowbank_actions::client::rest::CacheEntry;

use super::{Kinds, Knowledge, may_name};

/// What becomes of the packs of snapshots that are deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed<'a> {
    /// Those that nothing names any more.
    pub packs: Vec<&'a CacheEntry>,
    /// Those of which it is not known, and which stay.
    pub doubtful: Vec<&'a CacheEntry>,
    /// Of how many deleted snapshots the packs are not known at all; those stay, too.
    pub unknown: u64,
}

/// The packs that the deletion of `going` (numbers of entries) frees. A pack stays when an index that stays names it,
/// or when one may that could not be read. `entries` are all of the repository.
#[must_use]
pub fn freed<'a>(
    entries: &'a [CacheEntry],
    kinds: &Kinds,
    known: &Knowledge,
    going: &HashSet<u64>,
) -> Freed<'a> {
    let (gone, stay): (Vec<_>, Vec<_>) =
        entries.iter().filter(|entry| kinds.is_index(entry)).partition(|entry| going.contains(&entry.id));
    let named: HashSet<&String> = gone.iter().filter_map(|index| known.of(index)).flatten().collect();
    let mut freed = Freed {
        unknown: gone.iter().filter(|index| known.of(index).is_none()).count() as u64,
        ..Freed::default()
    };
    let packs = entries.iter().filter(|entry| kinds.is_pack(entry) && !going.contains(&entry.id));
    for pack in packs.filter(|pack| named.contains(&pack.key)) {
        let mut doubt = false;
        let needed = stay.iter().any(|index| match known.of(index) {
            Some(keys) => keys.contains(&pack.key),
            None => {
                doubt |= may_name(index, pack);
                false
            }
        });
        match (needed, doubt) {
            (true, _) => {}
            (false, true) => freed.doubtful.push(pack),
            (false, false) => freed.packs.push(pack),
        }
    }
    freed
}
