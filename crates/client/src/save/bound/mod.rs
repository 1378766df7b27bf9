//! A generation within a bound: what goes when its packs take more than they may.
//!
//! What counts is what a cache service counts, whole entries: a pack of which most is needed counts whole, one of which
//! little is needed by that, because it is carried over into a new one. What is not wanted by this save goes first, the
//! longest unused before others; then the trees of Nix's own caches; then what is wanted. A path goes when nothing refers
//! to it any more, so that what stays is a closure.

mod order;
mod scales;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use snowbank_cas::pack::Footer;
use snowbank_nix::store_path::StorePath;

use super::carry::{LITTLE, Live, live};
use crate::snapshot::Snapshot;
use order::{Goes, Order};
use scales::Scales;
pub(super) use scales::{Lengths, lengths, needed};

/// Before what is wanted goes, packs are carried over even if up to so many hundredths of them are needed: at most four
/// bytes are stored anew for one that becomes free.
const DENSE: u64 = 80;

/// What went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bounded {
    /// How many paths that this save did not want.
    pub(super) dropped: u64,
    /// Paths that it wanted.
    pub(super) left: Vec<StorePath>,
    /// How many trees.
    pub(super) trees: u64,
}

/// Leaves out of `snapshot` what must go for its packs to take `most` bytes at the most, once those are carried over that
/// [`to_carry`] names. Packs that `lengths` does not know, and this save's own from number `fresh` on, are never carried
/// over.
pub(super) fn bound(
    snapshot: &mut Snapshot,
    lengths: &Lengths,
    fresh: u32,
    wanted: impl Fn(&StorePath) -> bool,
    most: u64,
) -> Bounded {
    let mut scales = Scales::new(snapshot, lengths, fresh);
    let (mut little, mut gone, mut bounded) = (LITTLE, HashSet::new(), Bounded::default());
    if scales.total(little) <= most {
        return bounded;
    }
    let mut order = Order::new(snapshot, wanted);
    while scales.total(little) > most {
        // What is wanted stays as long as dead bytes can go instead.
        if little < DENSE && !matches!(order.peek(), Some(Goes::Unused { .. })) {
            little = DENSE;
            continue;
        }
        let Some(next) = order.next() else { break };
        if let Goes::Tree { name, .. } = next {
            let tree = snapshot.trees.remove(&name);
            tree.iter().for_each(|tree| scales.take(&tree.recipe));
            bounded.trees += 1;
            continue;
        }
        if let Goes::Unused { path, .. } | Goes::Wanted { path, .. } = &next {
            scales.take_path(snapshot, path);
            gone.insert(path.clone());
        }
        match next {
            Goes::Wanted { path, .. } => bounded.left.push(path),
            _ => bounded.dropped += 1,
        }
    }
    if !gone.is_empty() {
        snapshot.drop_paths(|path| gone.contains(&path.info.path));
    }
    bounded
}

/// The packs that have to be carried over for all packs to take `most` bytes: those of which the least is needed, as many
/// as it takes. None when they take no more as it is.
pub(super) fn to_carry(
    snapshot: &Snapshot,
    footers: &HashMap<u32, Footer>,
    most: u64,
) -> BTreeMap<u32, Live> {
    let lengths = footers.iter().map(|(&pack, footer)| (pack, lengths(footer))).collect();
    let chosen = Scales::new(snapshot, &lengths, u32::MAX).sparsest(DENSE, most);
    live(snapshot, footers).filter(|(pack, _)| chosen.contains(pack)).collect()
}
