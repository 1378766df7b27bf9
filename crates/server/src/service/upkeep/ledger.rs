//! What entries take of the disk, and what frees it: an entry's going frees what no entry that stays names.

use snowbank_catalog::rooms::NumberedPage;

use super::census::{Census, PACK_EXTRA};
use super::order::Rank;

/// The account of entries in the order of going, added up census by census.
pub(super) struct Ledger {
    lines: Vec<Line>,
    used: u64,
}

/// An entry's line.
#[derive(Clone, Copy)]
struct Line {
    /// Bytes that are free once it has gone and all before it have.
    frees: u64,
    /// When the first of its parts is free: when this one has gone, and all before it.
    first: Rank,
    /// Whether any part of it lies in a pack.
    packed: bool,
}

impl Ledger {
    /// Of so many entries.
    pub(super) fn new(entries: usize) -> Self {
        Self { lines: vec![Line { frees: 0, first: Rank::STAYS, packed: false }; entries], used: 0 }
    }

    /// Bytes of packs that visible entries use.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// Adds what is used of these packs.
    pub(super) fn add(&mut self, census: &Census) {
        let whole: Vec<Rank> = census.packs().iter().map(|users| users.last_whole()).collect();
        let mut last = whole.clone();
        let mut named = vec![PACK_EXTRA; whole.len()];
        for (place, frame) in census.frames() {
            let keeper = frame.last.max(whole[place]);
            self.keep(keeper, frame.bytes.into());
            last[place] = last[place].max(keeper);
            named[place] += u64::from(frame.bytes);
            for entry in &census.packs()[place].whole {
                self.part(*entry, keeper);
            }
        }
        for (place, users) in census.packs().iter().enumerate() {
            self.keep(last[place], PACK_EXTRA);
            // What no recipe names of a pack that is served as it lies.
            let rest = users.pack.size.saturating_sub(named[place]);
            self.keep(whole[place], rest);
            for entry in users.whole.iter().filter(|_| rest > 0) {
                self.part(*entry, whole[place]);
            }
        }
    }

    /// Notes which frames of these packs an entry names on a page. All pages must have been counted before.
    pub(super) fn note(&mut self, entry: Rank, page: &NumberedPage, census: &Census) {
        if entry.place().is_none() {
            return;
        }
        for last in page.page.frames.iter().filter_map(|frame| census.last(frame)) {
            self.part(entry, last);
        }
    }

    /// Adds the uploads of those that lie in no pack: they are as they came, with these sizes in the order of going.
    pub(super) fn add_uploads(&mut self, sizes: impl Iterator<Item = u64>) {
        for (place, (line, size)) in self.lines.iter_mut().zip(sizes).enumerate() {
            if !line.packed {
                *line = Line { frees: size, first: Rank::of(place), packed: false };
            }
        }
    }

    /// The places of those that go beside the first `gone` so that at least `excess` bytes are free, or of all if they
    /// do not free enough; and how many bytes of packs are free then. They go in order, but for those whose going would
    /// free nothing.
    pub(super) fn going(&self, gone: usize, excess: u64) -> (Vec<usize>, u64) {
        let (mut freed, mut of_packs) = (0, 0);
        let mut end = 0;
        while end < self.lines.len() && (freed < excess || end < gone) {
            let line = self.lines[end];
            freed += line.frees;
            of_packs += if line.packed { line.frees } else { 0 };
            end += 1;
        }
        let goes = |place: &usize| self.lines[*place].first < Rank::of(end);
        ((gone..end).filter(goes).collect(), of_packs)
    }

    /// These bytes are used until `last` has gone.
    fn keep(&mut self, last: Rank, bytes: u64) {
        if last != Rank::NOBODY {
            self.used += bytes;
        }
        if let Some(place) = last.place() {
            self.lines[place].frees += bytes;
        }
    }

    /// A part of the entry is used until `last` has gone.
    fn part(&mut self, entry: Rank, last: Rank) {
        if let Some(place) = entry.place() {
            let line = &mut self.lines[place];
            line.packed = true;
            line.first = line.first.min(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash, PackId};
    use snowbank_cas::pack::object_size;
    use snowbank_cas::recipe::{FrameRef, RecipePage};
    use snowbank_catalog::ids::{DomainId, RecipeId};
    use snowbank_catalog::rooms::Pack;

    use super::*;

    const PACKS: u64 = 5;
    const FRAMES: u64 = 6;

    /// What an entry is served from.
    #[derive(Clone, Debug)]
    enum Holding {
        /// An upload of this size.
        Upload(u64),
        /// Frames: pack, and place in it.
        Frames(BTreeSet<(u64, u64)>),
        /// A pack as it lies.
        Whole(u64),
    }

    fn length(place: u64) -> u64 {
        100 + 10 * place
    }

    fn pack(id: u64) -> Pack {
        let size = object_size(FRAMES, (0..FRAMES).map(length).sum());
        Pack { id: PackId(id), domain: DomainId(1), hash: ObjectHash::of(b""), size, condemned: false }
    }

    fn page(recipe: usize, frames: &BTreeSet<(u64, u64)>) -> NumberedPage {
        let frame = |(pack, place): &(u64, u64)| FrameRef {
            chunk: ChunkHash::of(b""),
            frame: FrameHash::of(b""),
            raw_len: 1,
            stored_len: length(*place) as u32,
            pack: PackId(*pack),
            offset: (0..*place).map(length).sum::<u64>() as u32,
        };
        let frames = frames.iter().map(frame).collect();
        let page = RecipePage { raw_start: 0, stored_start: 0, frames };
        NumberedPage { recipe: RecipeId(recipe as i64), number: 0, page }
    }

    /// The ledger of entries that may go, in order, beside others that stay and some that are on their way out.
    fn ledger_of(may_go: &[Holding], stay: &[Holding], leave: &[Holding]) -> Ledger {
        let ranked = may_go.iter().enumerate().map(|(place, held)| (Rank::of(place), held));
        let stay = stay.iter().map(|held| (Rank::STAYS, held));
        let leave = leave.iter().map(|held| (Rank::NOBODY, held));
        let all: Vec<_> = leave.chain(ranked).chain(stay).collect();
        let mut ledger = Ledger::new(may_go.len());
        let packs: Vec<Pack> = (0..PACKS).map(pack).collect();
        for group in packs.chunks(2) {
            let mut census = Census::of(group);
            let mut pages = Vec::new();
            for (number, (rank, held)) in all.iter().enumerate() {
                match held {
                    Holding::Frames(frames) => pages.push((page(number, frames), *rank)),
                    Holding::Whole(pack) if *rank != Rank::NOBODY => census.name_whole(PackId(*pack), *rank),
                    Holding::Whole(_) | Holding::Upload(_) => {}
                }
            }
            pages.iter().for_each(|(page, rank)| census.name(page, *rank));
            ledger.add(&census);
            pages.iter().for_each(|(page, rank)| ledger.note(*rank, page, &census));
        }
        ledger.add_uploads(may_go.iter().map(|held| match held {
            Holding::Upload(size) => *size,
            Holding::Frames(_) | Holding::Whole(_) => 1 << 40,
        }));
        ledger
    }

    /// The plain model: bytes of packs, and of uploads, that these entries use.
    fn used<'a>(held: impl Iterator<Item = &'a Holding>) -> (u64, u64) {
        let (mut uploads, mut frames, mut whole) = (0, BTreeSet::new(), BTreeSet::new());
        for held in held {
            match held {
                Holding::Upload(size) => uploads += size,
                Holding::Frames(own) => frames.extend(own),
                Holding::Whole(pack) => drop(whole.insert(*pack)),
            }
        }
        let packs = (0..PACKS).map(|id| {
            let places = frames.iter().filter(|(of, _)| *of == id).map(|(_, place)| *place);
            let (count, bytes) = places.fold((0, 0), |(count, sum), place| (count + 1, sum + length(place)));
            match (whole.contains(&id), count) {
                (true, _) => pack(id).size,
                (false, 0) => 0,
                (false, count) => object_size(count, bytes),
            }
        });
        (packs.sum(), uploads)
    }

    /// The plain model: one entry after the other goes until enough is free, but not those that add nothing to what stays.
    fn going(may_go: &[Holding], stay: &[Holding], gone: usize, excess: u64) -> (Vec<usize>, u64) {
        let left = |from: usize| used(may_go[from..].iter().chain(stay));
        let total = |(packs, uploads)| packs + uploads;
        let enough = |end: &usize| total(left(0)) - total(left(*end)) >= excess;
        let end = (gone..=may_go.len()).find(enough).unwrap_or(may_go.len());
        let adds = |place: &usize| {
            let with = used(may_go[end..].iter().chain(stay).chain([&may_go[*place]]));
            total(with) > total(left(end))
        };
        ((gone..end).filter(adds).collect(), left(0).0 - left(end).0)
    }

    fn holdings(count: usize) -> impl Strategy<Value = Vec<Holding>> {
        let frames = prop::collection::btree_set((0..PACKS, 0..FRAMES), 1..12);
        let holding = prop_oneof![
            6 => frames.prop_map(Holding::Frames),
            1 => (1..500_u64).prop_map(Holding::Upload),
            1 => (0..PACKS).prop_map(Holding::Whole),
        ];
        prop::collection::vec(holding, 0..count)
    }

    proptest! {
        #[test]
        fn what_goes_is_what_the_plain_model_lets_go(
            may_go in holdings(12),
            twins in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
            stay in holdings(3),
            leave in holdings(3),
            gone in any::<prop::sample::Index>(),
            share in 0_u64..130,
        ) {
            let mut may_go = may_go;
            if !may_go.is_empty() {
                for (from, to) in twins {
                    let twin = may_go[from.index(may_go.len())].clone();
                    may_go.insert(to.index(may_go.len()), twin);
                }
            }
            let ledger = ledger_of(&may_go, &stay, &leave);
            let (packs, uploads) = used(may_go.iter().chain(&stay));
            prop_assert_eq!(ledger.used(), packs);
            let excess = (packs + uploads) * share / 100;
            for gone in [0, gone.index(may_go.len() + 1)] {
                prop_assert_eq!(ledger.going(gone, excess), going(&may_go, &stay, gone, excess));
            }
        }
    }

    fn frames<const N: usize>(places: [u64; N]) -> Holding {
        Holding::Frames(places.map(|place| (0, place)).into())
    }

    #[test]
    fn the_oldest_goes_by_the_frames_that_only_it_names() {
        let entries = [frames([0, 1]), frames([1, 2]), frames([1, 3])];
        let ledger = ledger_of(&entries, &[], &[]);
        assert_eq!(ledger.going(0, 0), (vec![], 0));
        assert_eq!(ledger.going(0, 1), (vec![0], length(0) + 72));
        assert_eq!(ledger.going(0, 200), (vec![0, 1], length(0) + length(2) + 144));
        assert_eq!(ledger.going(0, u64::MAX), (vec![0, 1, 2], object_size(4, (0..4).map(length).sum())));
    }

    #[test]
    fn one_that_shares_everything_stays_until_the_others_go_too() {
        let entries = [frames([0, 1]), frames([2]), frames([0, 1]), frames([3])];
        let ledger = ledger_of(&entries, &[], &[]);
        assert_eq!(ledger.going(0, 1).0, [1], "its twin is newer");
        assert_eq!(ledger.going(0, 300).0, [0, 1, 2], "both have to go");
        let kept = ledger_of(&entries, &[frames([0, 1, 3])], &[]);
        assert_eq!(kept.going(0, u64::MAX).0, [1], "nothing else frees anything");
    }

    #[test]
    fn a_pack_of_which_recipes_name_all_is_not_freed_by_the_entry_that_it_is() {
        let named = Holding::Frames((0..FRAMES).map(|place| (0, place)).collect());
        let entries = [Holding::Whole(0), frames([0]), named];
        assert_eq!(ledger_of(&entries, &[], &[]).going(0, u64::MAX).0, [0, 1, 2]);
        let [whole, some, named] = entries;
        assert_eq!(ledger_of(&[whole, Holding::Upload(1)], &[some, named], &[]).going(0, 1).0, [1]);
    }

    #[test]
    fn what_only_leaves_is_neither_used_nor_freed() {
        let ledger = ledger_of(&[frames([0])], &[], &[frames([1, 2]), Holding::Whole(3)]);
        assert_eq!(ledger.used(), object_size(1, length(0)));
        assert_eq!(ledger.going(0, u64::MAX), (vec![0], object_size(1, length(0))));
    }
}
