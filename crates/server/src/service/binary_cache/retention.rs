//! Which paths of a cache go (pure): those that nobody has pulled for long, and over the cache's size those that were
//! not pulled for longest; never one that something kept refers to.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A path as far as its going is concerned.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The view that it is in, by a number of the caller's; 0 for the cache itself, which every view sees.
    pub(super) view: u32,
    /// The path, by a number of the caller's that is the same in every view.
    pub(super) path: u32,
    /// What it refers to, by those numbers; itself may be among them, and what the cache does not have.
    pub(super) references: Vec<u32>,
    /// Its NAR, by a number of the caller's.
    pub(super) nar: i64,
    /// Bytes that the NAR takes.
    pub(super) stored: u64,
    /// When it was pulled last, or else pushed; any unit.
    pub(super) used: i64,
    /// Whether somebody pinned it.
    pub(super) pinned: bool,
}

/// What a cache keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// What was used since then, with all that it refers to.
    pub(super) since: Option<i64>,
    /// So many bytes of NARs, each counted once.
    pub(super) size: Option<u64>,
}

/// Why a path goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was not used for long, and nothing that was refers to it.
    Unused,
    /// The cache has more bytes than it may have.
    OverSize,
}

/// The places of those that go, in the order of going: none before what refers to it. Takes about a hundred bytes a path.
pub(super) fn going(known: &[Known], bounds: Bounds) -> Vec<(usize, Reason)> {
    let mut plan = Plan::new(known);
    plan.pins();
    if let Some(since) = bounds.since {
        let roots = (0..known.len()).filter(|&at| plan.pinned[at] || known[at].used >= since);
        let kept = plan.closure(roots.collect());
        plan.go(Reason::Unused, |plan, at| !kept[at] && plan.free(at), |_| true);
    }
    if let Some(size) = bounds.size {
        plan.go(Reason::OverSize, Plan::free, |plan| plan.bytes > size);
    }
    plan.going
}

struct Plan<'a> {
    known: &'a [Known],
    /// What each refers to, itself left out.
    down: Vec<Vec<usize>>,
    /// How many that have not gone refer to each.
    referrers: Vec<u32>,
    pinned: Vec<bool>,
    gone: Vec<bool>,
    /// How many that have not gone have each NAR.
    sharers: HashMap<i64, u32>,
    bytes: u64,
    going: Vec<(usize, Reason)>,
}

impl<'a> Plan<'a> {
    fn new(known: &'a [Known]) -> Self {
        let places: HashMap<(u32, u32), usize> =
            known.iter().enumerate().map(|(at, one)| ((one.view, one.path), at)).collect();
        let find =
            |view: u32, path: u32| places.get(&(view, path)).or_else(|| places.get(&(0, path))).copied();
        let below = |(at, one): (usize, &Known)| {
            let mut below: Vec<usize> =
                one.references.iter().filter_map(|&path| find(one.view, path)).collect();
            below.sort_unstable();
            below.dedup();
            below.retain(|&other| other != at);
            below
        };
        let down: Vec<_> = known.iter().enumerate().map(below).collect();
        let mut referrers = vec![0; known.len()];
        down.iter().flatten().for_each(|&at| referrers[at] += 1);
        let (mut sharers, mut bytes) = (HashMap::new(), 0);
        for one in known {
            let count = sharers.entry(one.nar).or_insert(0);
            bytes += if *count == 0 { one.stored } else { 0 };
            *count += 1;
        }
        let (pinned, gone) = (vec![false; known.len()], vec![false; known.len()]);
        Self { known, down, referrers, pinned, gone, sharers, bytes, going: Vec::new() }
    }

    /// What is pinned keeps all that it refers to.
    fn pins(&mut self) {
        let roots = (0..self.known.len()).filter(|&at| self.known[at].pinned).collect();
        self.pinned = self.closure(roots);
    }

    fn closure(&self, roots: Vec<usize>) -> Vec<bool> {
        let mut seen = vec![false; self.known.len()];
        let mut next = roots;
        while let Some(at) = next.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                next.extend(&self.down[at]);
            }
        }
        seen
    }

    /// Whether nothing that stays needs it.
    fn free(&self, at: usize) -> bool {
        !self.gone[at] && !self.pinned[at] && self.referrers[at] == 0
    }

    /// Lets go, the longest unused first, what `may` go, while `more` have to.
    fn go(&mut self, reason: Reason, may: impl Fn(&Self, usize) -> bool, more: impl Fn(&Self) -> bool) {
        let mut free: BinaryHeap<Reverse<(i64, usize)>> = (0..self.known.len())
            .filter(|&at| may(self, at))
            .map(|at| Reverse((self.known[at].used, at)))
            .collect();
        while more(self) {
            let Some(Reverse((_, at))) = free.pop() else { break };
            self.remove(at);
            self.going.push((at, reason));
            for below in std::mem::take(&mut self.down[at]) {
                self.referrers[below] -= 1;
                if may(self, below) {
                    free.push(Reverse((self.known[below].used, below)));
                }
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.gone[at] = true;
        let one = &self.known[at];
        let left = self.sharers.entry(one.nar).or_insert(1);
        *left -= 1;
        self.bytes -= if *left == 0 { one.stored } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(path: u32, references: &[u32], used: i64) -> Known {
        Known {
            view: 0,
            path,
            references: references.to_vec(),
            nar: path.into(),
            stored: 10,
            used,
            pinned: false,
        }
    }

    fn names(known: &[Known], bounds: Bounds) -> Vec<u32> {
        going(known, bounds).into_iter().map(|(at, _)| known[at].path).collect()
    }

    const SINCE: Bounds = Bounds { since: Some(100), size: None };

    #[test]
    fn what_something_used_refers_to_stays() {
        let paths = [known(1, &[1], 0), known(2, &[1], 0), known(3, &[2], 100), known(4, &[1, 9], 0)];
        assert_eq!(names(&paths, SINCE), [4]);
        assert_eq!(names(&paths[..2], SINCE), [2, 1], "never before what refers to it");
    }

    #[test]
    fn a_pin_keeps_a_whole_closure_from_age_and_from_size() {
        let mut paths = [known(1, &[], 0), known(2, &[1], 0), known(3, &[], 50)];
        paths[1].pinned = true;
        let bounds = Bounds { since: Some(100), size: Some(0) };
        assert_eq!(going(&paths, bounds), [(2, Reason::Unused)]);
    }

    #[test]
    fn over_the_size_closures_go_from_the_top_the_longest_unused_first() {
        let paths = [known(1, &[], 1), known(2, &[1], 5), known(3, &[], 3), known(4, &[3], 2)];
        let keep = |size| names(&paths, Bounds { since: None, size: Some(size) });
        assert_eq!(keep(40), Vec::<u32>::new());
        assert_eq!(keep(39), [4]);
        assert_eq!(keep(20), [4, 3]);
        assert_eq!(keep(0), [4, 3, 2, 1]);
    }

    #[test]
    fn a_nar_that_two_paths_have_counts_once() {
        let mut paths = [known(1, &[], 1), known(2, &[], 2)];
        paths[1].nar = 1;
        assert_eq!(names(&paths, Bounds { since: None, size: Some(10) }), Vec::<u32>::new());
        assert_eq!(names(&paths, Bounds { since: None, size: Some(9) }), [1, 2]);
    }

    #[test]
    fn a_view_sees_its_own_path_before_the_caches() {
        let mut paths = [known(1, &[], 0), known(1, &[], 0), known(2, &[1], 100)];
        (paths[1].view, paths[2].view) = (7, 7);
        assert_eq!(going(&paths, SINCE), [(0, Reason::Unused)]);
    }

    proptest! {
        #[test]
        fn what_stays_is_closed_and_within_its_bounds(
            shape in proptest::collection::vec((proptest::collection::vec(0_u32..20, 0..4), 0_i64..200, any::<bool>(), 0_u64..50), 0..20),
            since in proptest::option::of(0_i64..200),
            size in proptest::option::of(0_u64..400),
        ) {
            let paths: Vec<Known> = shape.into_iter().zip(0..).map(|((references, used, pinned, stored), path)| {
                // No circles but onto itself, as in Nix.
                let references = references.into_iter().filter(|other| *other <= path).collect();
                Known { view: 0, path, references, nar: path.into(), stored, used, pinned: pinned && used % 3 == 0 }
            }).collect();
            let going = going(&paths, Bounds { since, size });
            let goes: std::collections::HashSet<usize> = going.iter().map(|(at, _)| *at).collect();
            prop_assert_eq!(goes.len(), going.len());
            let stays = |at: &usize| !goes.contains(at);
            let kept: Vec<usize> = (0..paths.len()).filter(stays).collect();
            for &at in &kept {
                for &below in &paths[at].references {
                    prop_assert!((below as usize) >= paths.len() || stays(&(below as usize)));
                }
            }
            for (at, one) in paths.iter().enumerate() {
                prop_assert!(!one.pinned || stays(&at));
            }
            let bytes: u64 = kept.iter().map(|&at| paths[at].stored).sum();
            let needed = Plan::new(&paths);
            let roots = (0..paths.len()).filter(|&at| paths[at].pinned).collect();
            let pinned: u64 = needed.closure(roots).iter().zip(&paths).filter(|(kept, _)| **kept).map(|(_, one)| one.stored).sum();
            prop_assert!(size.is_none_or(|size| bytes <= size.max(pinned)));
        }
    }
}
