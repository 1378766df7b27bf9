//! Packs of which little is still needed: the rest of them is carried over into new packs, so that they can go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use snowbank_actions::client::{CacheClient, ClientError, DownloadUrl};
use snowbank_cas::id::FrameHash;
use snowbank_cas::pack::{Footer, PackEntry};

use crate::packing::{ClosedPack, Shelf};
use crate::snapshot::{Recipe, Snapshot};

/// A pack is carried over when less than this many hundredths of its bytes are needed.
pub(super) const LITTLE: u64 = 50;

/// Bytes between two frames that are rather fetched than left out by a further request.
const GAP: u64 = 128 << 10;

/// Bytes of a request, and one frame at most.
const PART: u64 = 16 << 20;

/// Frames of a pack that are needed: their places, where they begin, and what they are.
pub(super) type Live = Vec<(u32, u64, PackEntry)>;

/// Of each pack whose footer is known what is needed of it.
pub(super) fn live<'a>(
    snapshot: &Snapshot,
    footers: &'a HashMap<u32, Footer>,
) -> impl Iterator<Item = (u32, Live)> + use<'a> {
    let mut needed: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (pack, frame) in snapshot.recipes().flat_map(Recipe::frames) {
        needed.entry(pack).or_default().insert(frame);
    }
    needed.into_iter().filter_map(|(pack, frames)| {
        let places: Vec<_> = footers.get(&pack)?.entries_with_offsets().collect();
        let place = |&frame: &u32| {
            let &(at, entry) = places.get(frame as usize)?;
            Some((frame, u64::from(at), *entry))
        };
        Some((pack, frames.iter().filter_map(place).collect()))
    })
}

/// The packs that are to be carried over, by number: of those of which little is needed, the ones with the least, as long
/// as what is needed of them takes no more than `budget` bytes together.
pub(super) fn choose(
    snapshot: &Snapshot,
    footers: &HashMap<u32, Footer>,
    budget: u64,
) -> BTreeMap<u32, Live> {
    let mut little = Vec::new();
    for (pack, live) in live(snapshot, footers) {
        let all: u64 = footers[&pack].entries.iter().map(|entry| u64::from(entry.stored_len)).sum();
        let bytes: u64 = live.iter().map(|(.., entry)| u64::from(entry.stored_len)).sum();
        if bytes * 100 < all * LITTLE {
            little.push((bytes, pack, live));
        }
    }
    little.sort_unstable_by_key(|(bytes, pack, _)| (*bytes, *pack));
    let mut left = budget;
    let mut chosen = BTreeMap::new();
    for (bytes, pack, live) in little {
        if bytes > left {
            break;
        }
        left -= bytes;
        chosen.insert(pack, live);
    }
    chosen
}

/// Fetches the frames and puts them on the shelf, as they are. Returns the packs that became full. Holds a request's
/// bytes. What cannot be had, or is damaged, is left where it was.
pub(super) async fn carry(
    client: &CacheClient,
    url: &DownloadUrl,
    live: Live,
    shelf: &Arc<Shelf>,
    reader: usize,
) -> Result<Vec<ClosedPack>, ClientError> {
    let mut closed = Vec::new();
    for part in parts(live) {
        let (start, end) =
            (part[0].1, part.last().map_or(0, |(_, at, entry)| at + u64::from(entry.stored_len)));
        let bytes = client.read(url, start..end).await?.bytes;
        let shelf = Arc::clone(shelf);
        let adding = tokio::task::spawn_blocking(move || shelf.add(reader, &frames(&part, start, &bytes)));
        // A shelf that cannot take frames says so when paths are read, too.
        if let Ok(Ok(added)) = adding.await {
            closed.extend(added.full);
        }
    }
    Ok(closed)
}

/// Runs of frames that are fetched at once.
fn parts(live: Live) -> Vec<Live> {
    let mut parts: Vec<Live> = Vec::new();
    for next in live {
        match parts.last_mut() {
            Some(part) if joins(part, &next) => part.push(next),
            _ => parts.push(vec![next]),
        }
    }
    parts
}

fn joins(part: &Live, (_, at, _): &(u32, u64, PackEntry)) -> bool {
    let end = part.last().map_or(0, |(_, at, entry)| at + u64::from(entry.stored_len));
    *at <= end + GAP && *at - part[0].1 < PART
}

/// The frames of a part that are intact.
fn frames(part: &Live, start: u64, bytes: &Bytes) -> Vec<(PackEntry, Vec<u8>)> {
    let frame = |(_, at, entry): &(u32, u64, PackEntry)| {
        let from = usize::try_from(at - start).ok()?;
        let frame = bytes.get(from..from + entry.stored_len as usize)?;
        (FrameHash::of(frame) == entry.frame).then(|| (*entry, frame.to_vec()))
    };
    part.iter().filter_map(frame).collect()
}

/// The recipes of a snapshot with the frames of carried packs where they are now.
pub(super) fn moved(
    snapshot: &mut Snapshot,
    carried: &BTreeMap<u32, Live>,
    place: impl Fn(&PackEntry) -> Option<(u32, u32)>,
) {
    if carried.is_empty() {
        return;
    }
    let places: HashMap<(u32, u32), (u32, u32)> = carried
        .iter()
        .flat_map(|(&pack, live)| live.iter().map(move |(frame, _, entry)| ((pack, *frame), entry)))
        .filter_map(|(from, entry)| Some((from, place(entry)?)))
        .collect();
    snapshot.change_recipes(|recipe| {
        let mut changed = Recipe::default();
        for from in recipe.frames() {
            let (pack, frame) = places.get(&from).copied().unwrap_or(from);
            changed.push(pack, frame);
        }
        changed
    });
}

#[cfg(test)]
mod tests {
    use snowbank_cas::id::ChunkHash;

    use super::*;
    use crate::snapshot::samples::info;
    use crate::snapshot::{Run, SavedPath, Source};

    /// A footer of frames with these lengths.
    fn footer(lengths: &[u32]) -> Footer {
        let entry = |(at, &stored_len): (usize, &u32)| {
            let name = [at as u8, stored_len as u8];
            PackEntry { chunk: ChunkHash::of(&name), frame: FrameHash::of(&name), raw_len: 100, stored_len }
        };
        Footer { entries: lengths.iter().enumerate().map(entry).collect(), chunker_version: 1 }
    }

    fn snapshot(runs: &[(u32, u32, u32)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let runs = runs.iter().map(|&(pack, first, count)| Run { pack, first, count }).collect();
        let info = info(1, &[]);
        snapshot
            .paths
            .insert(info.path.clone(), SavedPath { info, source: Source::Packs(Recipe(runs)), unused: 0 });
        snapshot
    }

    #[test]
    fn packs_of_which_little_is_needed_are_chosen_within_the_budget() {
        let footers = HashMap::from([
            (0, footer(&[10, 10, 10])),
            (1, footer(&[10, 10, 10])),
            (2, footer(&[10, 90])),
            (3, footer(&[40, 90])),
        ]);
        // Two thirds of 0 are needed, a third of 1, a tenth of 2, a third of 3.
        let snapshot = snapshot(&[(0, 0, 2), (1, 2, 1), (2, 0, 1), (3, 0, 1)]);
        let chosen = |budget| choose(&snapshot, &footers, budget).into_keys().collect::<Vec<_>>();
        assert_eq!(chosen(1000), [1, 2, 3]);
        assert_eq!(chosen(59), [1, 2]);
        assert_eq!(chosen(9), [0u32; 0]);
        let live = &choose(&snapshot, &footers, 1000)[&1];
        assert_eq!((live[0].0, live[0].1), (2, 20));
    }

    #[test]
    fn recipes_follow_the_frames_that_were_carried() {
        let footers = HashMap::from([(0, footer(&[10, 90, 90, 90])), (1, footer(&[10]))]);
        let mut snapshot = snapshot(&[(0, 0, 1), (1, 0, 1), (0, 3, 1)]);
        let carried = choose(&snapshot, &footers, 1000);
        let last = footers[&0].entries[3].chunk;
        // The last frame did not arrive.
        moved(&mut snapshot, &carried, |entry| (entry.chunk != last).then_some((7, 5)));
        let frames: Vec<_> = snapshot.recipes().flat_map(Recipe::frames).collect();
        assert_eq!(frames, [(7, 5), (1, 0), (0, 3)]);
    }

    #[test]
    fn near_frames_are_fetched_together() {
        let entry = footer(&[1000]).entries[0];
        let live = |places: &[u64]| {
            places.iter().zip(0u32..).map(|(&at, frame)| (frame, at, entry)).collect::<Live>()
        };
        let counts = |places: &[u64]| parts(live(places)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(&[0, 1000, 100_000]), [3]);
        assert_eq!(counts(&[0, 1000, 300_000]), [2, 1]);
    }
}
