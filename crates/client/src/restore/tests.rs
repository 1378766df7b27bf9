use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use snowbank_cas::id::ChunkHash;
use snowbank_nix::store_path::StorePath;

use super::index::Frame;
use super::ledger::Ledger;
use super::plan::{self, Job};
use super::report::Reason;
use super::window::{self, Bite, Cutter, Frames, Queue};
use crate::snapshot::samples;
use crate::snapshot::{SavedPath, Snapshot, Source};

/// Frames of paths by their places in one stream of frames.
struct Paths<'a> {
    frames: &'a [Frame],
    /// Of each path its runs: first frame and count.
    runs: &'a [Vec<(usize, u32)>],
}

impl Frames for Paths<'_> {
    fn is_wanted(&self, job: usize) -> bool {
        job % 7 != 3
    }

    fn frame(&self, job: usize, run: usize, at: u32) -> Option<(Frame, bool)> {
        let &(first, count) = self.runs[job].get(run)?;
        Some((self.frames[first + at as usize], at + 1 == count))
    }
}

/// Frames of some packs with these lengths, one behind the other.
fn frames(lengths: &[u32]) -> Vec<Frame> {
    let mut offset = 0;
    let frame = |(at, &stored_len): (usize, &u32)| {
        let pack = (at / 50) as u32;
        if at % 50 == 0 {
            offset = 0;
        }
        let frame =
            Frame { pack, offset, stored_len, raw_len: stored_len, chunk: ChunkHash::of(&at.to_le_bytes()) };
        offset += stored_len;
        frame
    };
    lengths.iter().enumerate().map(frame).collect()
}

/// Lengths of frames, and paths of runs of them.
fn paths() -> impl Strategy<Value = (Vec<u32>, Vec<Vec<(usize, u32)>>)> {
    let lengths = prop::collection::vec(1..200_000u32, 1..120);
    lengths.prop_flat_map(|lengths| {
        let all = lengths.len();
        let run = (0..all, 1..20u32).prop_map(move |(first, count)| (first, count.min((all - first) as u32)));
        (Just(lengths), prop::collection::vec(prop::collection::vec(run, 1..5), 1..20))
    })
}

fn windows(frames: &[Frame], runs: &[Vec<(usize, u32)>], size: u64) -> Vec<Vec<Bite>> {
    let stored = |runs: &Vec<(usize, u32)>| {
        runs.iter()
            .flat_map(|&(first, count)| &frames[first..first + count as usize])
            .map(|frame| u64::from(frame.stored_len))
            .sum()
    };
    let queue = Queue::new(runs.iter().enumerate().map(|(job, runs)| (job, stored(runs))));
    let mut cutter = Cutter::new(&queue, size, Paths { frames, runs });
    std::iter::repeat_with(|| cutter.next()).take_while(|bites| !bites.is_empty()).collect()
}

proptest! {
    #[test]
    fn windows_have_all_frames_of_wanted_paths_in_order((lengths, runs) in paths(), size in 100_000..2_000_000u64) {
        let frames = frames(&lengths);
        let mut seen: BTreeMap<usize, Vec<Frame>> = BTreeMap::new();
        let mut open = None;
        for bite in windows(&frames, &runs, size).into_iter().flatten() {
            prop_assert_eq!(bite.begins, open.is_none());
            prop_assert!(open.is_none_or(|job| job == bite.job));
            open = (!bite.ends).then_some(bite.job);
            seen.entry(bite.job).or_default().extend(bite.frames);
        }
        prop_assert_eq!(open, None);
        for (job, runs) in runs.iter().enumerate() {
            let wanted: Vec<_> =
                runs.iter().flat_map(|&(first, count)| frames[first..first + count as usize].to_vec()).collect();
            prop_assert_eq!(seen.remove(&job), (job % 7 != 3).then_some(wanted));
        }
    }

    #[test]
    fn requests_cover_a_window_and_stay_within_its_bound((lengths, runs) in paths(), size in 100_000..2_000_000u64) {
        let frames = frames(&lengths);
        for bites in windows(&frames, &runs, size) {
            let requests = window::requests(&bites, size);
            let largest = u64::from(*lengths.iter().max().unwrap_or(&0));
            let bytes: u64 = requests.iter().map(|(_, range)| range.len() as u64).sum();
            prop_assert!(bytes <= size.max(largest) + size / 4);
            for frame in bites.iter().flat_map(|bite| &bite.frames) {
                let holding = requests.iter().filter(|(pack, range)| {
                    *pack == frame.pack && range.start <= frame.offset && frame.offset + frame.stored_len <= range.end
                });
                prop_assert_eq!(holding.count(), 1, "a frame is fetched once");
            }
            prop_assert!(requests.windows(2).all(|two| (two[0].0, two[0].1.end) <= (two[1].0, two[1].1.start)));
        }
    }

    #[test]
    fn nothing_is_ready_before_its_references(
        snapshot in samples::snapshot(),
        complete in prop::collection::vec(any::<bool>(), 30),
        lost in prop::option::of(0..30usize),
    ) {
        let ledger = ledger(&snapshot, &BTreeSet::new());
        let jobs = plan::jobs(&snapshot, &plan::wanted(&snapshot, None).0, &BTreeSet::new()).unwrap();
        let all: Vec<usize> = (0..jobs.len()).collect();
        prop_assert!(ledger.claimed(&all).is_empty());
        let gone = lost.filter(|&lost| lost < jobs.len()).map_or_else(Vec::new, |lost| ledger.miss(lost, Reason::Lost, ""));
        for &job in &all {
            if complete[job] {
                prop_assert_eq!(ledger.complete(job), !gone.contains(&job));
            }
        }
        let mut valid = BTreeSet::new();
        for job in ledger.ready() {
            prop_assert!(complete[job] && !gone.contains(&job));
            prop_assert!(jobs[job].references.iter().all(|reference| valid.contains(reference)));
            valid.insert(job);
        }
        // And nothing is forgotten.
        let left = all.iter().filter(|job| complete[**job] && !valid.contains(*job) && !gone.contains(*job));
        for &job in left {
            prop_assert!(jobs[job].references.iter().any(|reference| !valid.contains(reference)));
        }
        ledger.registered(valid.iter().copied());
        prop_assert_eq!(ledger.unfinished().len(), jobs.len() - valid.len() - gone.len());
        let (missed, sums) = ledger.result();
        prop_assert_eq!(missed.len(), gone.len());
        prop_assert_eq!(sums.packs.count + sums.upstream.count, valid.len() as u64);
        prop_assert!(missed.values().filter(|miss| miss.through.is_none()).count() <= 1);
    }
}

fn ledger(snapshot: &Snapshot, valid: &BTreeSet<StorePath>) -> Ledger {
    let wanted = plan::wanted(snapshot, None).0;
    Ledger::new(Arc::<[Job]>::from(plan::jobs(snapshot, &wanted, valid).unwrap()))
}

/// A chain of three, each upstream's.
fn chain() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (number, references) in [(1, vec![]), (2, vec![1, 2]), (3, vec![2])] {
        let info = samples::info(number, &references);
        let saved = SavedPath { info, source: Source::Upstream, unused: 0 };
        snapshot.paths.insert(samples::name(number), saved);
    }
    snapshot
}

#[test]
fn what_others_made_sets_its_referrers_free() {
    let ledger = ledger(&chain(), &BTreeSet::new());
    assert!(ledger.claimed(&[1, 2]).is_empty());
    assert!(ledger.complete(1) && ledger.complete(2));
    assert!(ledger.ready().is_empty());
    assert_eq!((ledger.waiting(), ledger.held()), (vec![0], 2));
    ledger.found(0);
    assert_eq!(ledger.ready(), [1, 2]);
    assert_eq!(ledger.result().1.others.count, 1);
}

#[test]
fn what_is_valid_already_is_no_job() {
    let ledger = ledger(&chain(), &[samples::name(1), samples::name(3)].into());
    assert_eq!(ledger.waiting(), [0]);
    ledger.claimed(&[0]);
    assert!(ledger.complete(0));
    assert_eq!(ledger.ready(), [0]);
}

#[test]
fn a_path_that_was_claimed_after_it_was_given_up_is_given_back() {
    let ledger = ledger(&chain(), &BTreeSet::new());
    assert_eq!(ledger.miss(1, Reason::Lost, "gone"), [1, 2]);
    assert_eq!(ledger.claimed(&[0, 1]), [1]);
    assert!(ledger.is_wanted(0) && !ledger.is_wanted(1) && !ledger.complete(1));
    assert!(ledger.miss(1, Reason::Damaged, "again").is_empty());
    let missed = ledger.result().0;
    assert_eq!(
        missed[&samples::name(3)].to_string(),
        format!("it needs {}, which is {}: gone", samples::name(2), Reason::Lost)
    );
}

#[test]
fn a_window_leaves_room_for_all_lanes() {
    for lanes in 1..=64 {
        let all = window::size(lanes) / 4 * 5 * window::WINDOWS * lanes as u64;
        assert!(all <= 192 << 20, "{lanes} lanes hold {all} bytes");
    }
}
