//! Which frames are fetched together, and in which requests.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::index::Frame;

/// Bytes of all windows of all lanes: those that are written, wait, and are fetched, with the gaps between their frames.
const ALL_WINDOWS: u64 = 192 << 20;

/// Windows of a lane at a time: one is written, one waits, one is fetched.
pub(super) const WINDOWS: u64 = 3;

/// Frames of a window at most: they take 56 bytes each, and may all be the same.
const MAX_FRAMES: usize = 8192;

/// Bytes between two frames that are fetched with them rather than left out by one more request.
const GAP: u32 = 128 << 10;

/// Bytes after which a request is followed by another beside it.
const SPLIT: u32 = 16 << 20;

/// Bytes of frames of a window: a fifth of its room is for gaps.
pub(super) const fn size(lanes: usize) -> u64 {
    let room = ALL_WINDOWS / (WINDOWS * lanes as u64);
    let room = if room > 32 << 20 { 32 << 20 } else { room };
    room / 5 * 4
}

/// Paths that lanes take, in an order in which neighbours share requests.
#[derive(Debug)]
pub(super) struct Queue(Mutex<VecDeque<(usize, u64)>>);

impl Queue {
    /// Paths by number, with the bytes of their frames.
    pub(super) fn new(jobs: impl IntoIterator<Item = (usize, u64)>) -> Self {
        Self(Mutex::new(jobs.into_iter().collect()))
    }

    /// The next, if it has no more than `room` bytes.
    fn take(&self, room: u64) -> Option<usize> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.pop_front_if(|&mut (_, stored)| stored <= room).map(|(job, _)| job)
    }
}

/// What of a path is in a window.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bite {
    pub(super) job: usize,
    /// In the order of the NAR.
    pub(super) frames: Vec<Frame>,
    pub(super) begins: bool,
    pub(super) ends: bool,
}

/// Cuts paths into windows.
pub(super) struct Cutter<'a, F> {
    queue: &'a Queue,
    size: u64,
    /// The frames of a path; none when it is not wanted any more.
    frames: F,
    current: Option<Current>,
}

struct Current {
    job: usize,
    run: usize,
    at: u32,
}

/// What a cutter asks of the plan.
pub(super) trait Frames {
    /// Whether the path is still wanted.
    fn is_wanted(&self, job: usize) -> bool;
    /// Frame `at` of a run of the path's recipe, and whether it is the last of the run; none behind the last run.
    fn frame(&self, job: usize, run: usize, at: u32) -> Option<(Frame, bool)>;
}

impl<'a, F: Frames> Cutter<'a, F> {
    pub(super) const fn new(queue: &'a Queue, size: u64, frames: F) -> Self {
        Self { queue, size, frames, current: None }
    }

    /// The next window; empty at the end.
    pub(super) fn next(&mut self) -> Vec<Bite> {
        let mut filling = Filling { size: self.size, stored: 0, count: 0, seen: HashSet::new() };
        let mut bites: Vec<Bite> = Vec::new();
        loop {
            let begins = self.current.is_none();
            let Some(mut current) = self.current.take().or_else(|| self.take(&bites, &filling)) else {
                return bites;
            };
            if !self.frames.is_wanted(current.job) {
                continue;
            }
            let mut bite = Bite { job: current.job, frames: Vec::new(), begins, ends: false };
            loop {
                let Some((frame, last)) = self.frames.frame(current.job, current.run, current.at) else {
                    bite.ends = true;
                    break;
                };
                if !filling.takes(&frame) {
                    break;
                }
                bite.frames.push(frame);
                (current.run, current.at) =
                    if last { (current.run + 1, 0) } else { (current.run, current.at + 1) };
            }
            let ends = bite.ends;
            bites.push(bite);
            if !ends {
                self.current = Some(current);
                return bites;
            }
        }
    }

    fn take(&self, bites: &[Bite], filling: &Filling) -> Option<Current> {
        let room = if bites.is_empty() { u64::MAX } else { self.size.saturating_sub(filling.stored) };
        if filling.count >= MAX_FRAMES || bites.len() >= MAX_FRAMES {
            return None;
        }
        self.queue.take(room).map(|job| Current { job, run: 0, at: 0 })
    }
}

/// How full a window is. What is in it twice is fetched once.
struct Filling {
    size: u64,
    stored: u64,
    count: usize,
    seen: HashSet<(u32, u32)>,
}

impl Filling {
    fn takes(&mut self, frame: &Frame) -> bool {
        let more =
            if self.seen.contains(&(frame.pack, frame.offset)) { 0 } else { u64::from(frame.stored_len) };
        let fits = self.count < MAX_FRAMES && (self.stored == 0 || self.stored + more <= self.size);
        if fits {
            self.seen.insert((frame.pack, frame.offset));
            self.stored += more;
            self.count += 1;
        }
        fits
    }
}

/// The requests that fetch all frames of a window of `size` bytes: (pack, bytes of it), in order.
pub(super) fn requests(bites: &[Bite], size: u64) -> Vec<(u32, Range<u32>)> {
    let mut frames: Vec<_> = bites.iter().flat_map(|bite| &bite.frames).collect();
    frames.sort_unstable_by_key(|frame| (frame.pack, frame.offset));
    let mut gaps = size / 4;
    let mut requests: Vec<(u32, Range<u32>)> = Vec::new();
    for frame in frames {
        let end = frame.offset + frame.stored_len;
        if let Some((pack, range)) = requests.last_mut()
            && *pack == frame.pack
        {
            if range.contains(&frame.offset) {
                continue;
            }
            let gap = frame.offset - range.end;
            if gap <= GAP && u64::from(gap) <= gaps && end - range.start <= SPLIT {
                gaps -= u64::from(gap);
                range.end = end;
                continue;
            }
        }
        requests.push((frame.pack, frame.offset..end));
    }
    requests
}
