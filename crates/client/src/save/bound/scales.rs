//! What every pack of a snapshot takes, and how much of it is needed.

use std::collections::{BTreeMap, HashMap, HashSet};

use snowbank_cas::pack::{Footer, record_len};
use snowbank_nix::store_path::StorePath;

use crate::snapshot::{Recipe, Snapshot, Source};

/// Bytes that a pack takes beside frames and their records.
const REST: u64 = 64;

/// The lengths of the frames of packs, by the packs' numbers.
pub(in crate::save) type Lengths = HashMap<u32, Vec<u32>>;

/// The lengths of the frames that a footer tells of.
pub(in crate::save) fn lengths(footer: &Footer) -> Vec<u32> {
    footer.entries.iter().map(|entry| entry.stored_len).collect()
}

/// Bytes of packs that the frames of `recipes` take, each frame once.
pub(in crate::save) fn needed<'a>(
    recipes: impl Iterator<Item = &'a Recipe>,
    footers: &HashMap<u32, Footer>,
) -> u64 {
    let frames: HashSet<(u32, u32)> = recipes.flat_map(Recipe::frames).collect();
    let entries = frames.iter().filter_map(|(pack, frame)| footers.get(pack)?.entries.get(*frame as usize));
    entries.map(|entry| u64::from(entry.stored_len) + record_len()).sum()
}

/// All packs that recipes of a snapshot speak of. Holds some 40 bytes a frame.
pub(super) struct Scales(BTreeMap<u32, Pack>);

struct Pack {
    /// Bytes of the entry.
    whole: u64,
    /// Bytes of what is needed.
    live: u64,
    /// Of each frame that is needed, by how many recipes, and its bytes.
    frames: HashMap<u32, (u32, u64)>,
    /// Whether it may be carried over.
    movable: bool,
}

impl Scales {
    pub(super) fn new(snapshot: &Snapshot, lengths: &Lengths, fresh: u32) -> Self {
        let mut packs = BTreeMap::new();
        for (number, frame) in snapshot.recipes().flat_map(Recipe::frames) {
            let Some(whole) = snapshot.packs.get(number as usize).map(|pack| pack.size) else { continue };
            let known = lengths.get(&number);
            let movable = number < fresh && known.is_some();
            let pack =
                packs.entry(number).or_insert(Pack { whole, live: REST, frames: HashMap::new(), movable });
            let length = known.and_then(|known| known.get(frame as usize)).copied().unwrap_or_default();
            let bytes = u64::from(length) + record_len();
            let (users, _) = pack.frames.entry(frame).or_insert((0, bytes));
            *users += 1;
            if *users == 1 {
                pack.live += bytes;
            }
        }
        Self(packs)
    }

    /// Bytes of all packs; of those that may be carried over and of which less than `little` hundredths are needed, what is
    /// needed.
    pub(super) fn total(&self, little: u64) -> u64 {
        let weight = |pack: &Pack| if pack.is_sparse(little) { pack.live } else { pack.whole };
        self.0.values().map(weight).sum()
    }

    /// The packs of which the least is needed, and less than `little` hundredths, as many as have to be carried over for
    /// the total to be `most` bytes.
    pub(super) fn sparsest(&self, little: u64, most: u64) -> HashSet<u32> {
        let mut over = self.total(0).saturating_sub(most);
        let mut sparse: Vec<_> = self.0.iter().filter(|(_, pack)| pack.is_sparse(little)).collect();
        sparse.sort_by_key(|(_, pack)| pack.live.saturating_mul(1 << 20) / pack.whole.max(1));
        let mut chosen = HashSet::new();
        for (number, pack) in sparse {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(pack.whole - pack.live);
            chosen.insert(*number);
        }
        chosen
    }

    /// Takes a path's recipe away.
    pub(super) fn take_path(&mut self, snapshot: &Snapshot, path: &StorePath) {
        if let Some(Source::Packs(recipe)) = snapshot.paths.get(path).map(|path| &path.source) {
            self.take(recipe);
        }
    }

    /// Takes a recipe away. A pack that none needs is gone.
    pub(super) fn take(&mut self, recipe: &Recipe) {
        for (number, frame) in recipe.frames() {
            let Some(pack) = self.0.get_mut(&number) else { continue };
            let Some((users, bytes)) = pack.frames.get_mut(&frame) else { continue };
            *users -= 1;
            if *users == 0 {
                pack.live -= *bytes;
                pack.frames.remove(&frame);
            }
            if pack.frames.is_empty() {
                self.0.remove(&number);
            }
        }
    }
}

impl Pack {
    fn is_sparse(&self, little: u64) -> bool {
        self.movable && self.live.saturating_mul(100) < self.whole.saturating_mul(little)
    }
}
