//! Windows: runs of frames that are fetched together, in few large reads.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use futures::future::join_all;

use super::needs::Needs;
use super::supply::Supply;

/// Bytes between two frames that are rather fetched than left out by a further request.
const GAP: u64 = 128 << 10;

/// A part of a path's stream.
#[derive(Debug)]
pub(super) struct Part {
    /// The path's place among the needs.
    pub(super) need: usize,
    /// Its frames in this part.
    pub(super) frames: Vec<(u32, u32)>,
    /// Whether the stream begins with it.
    pub(super) first: bool,
    /// Whether the stream ends with it.
    pub(super) last: bool,
}

/// Parts that are fetched together.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) parts: Vec<Part>,
}

/// The frames of a window, or why they are not there.
pub(super) type Frames = HashMap<(u32, u32), Result<Bytes, String>>;

/// Cuts the streams of paths into windows.
pub(super) struct Windows<'a, I> {
    needs: &'a Needs,
    supply: &'a Supply,
    /// Bytes of frames in a window, and at most a frame more.
    size: u64,
    next: I,
    /// The path under way, and how many of its frames were handed out.
    under_way: Option<(usize, usize)>,
}

impl<'a, I: FnMut() -> Option<usize>> Windows<'a, I> {
    /// Over the paths that `next` names one after the other.
    pub(super) fn new(needs: &'a Needs, supply: &'a Supply, size: u64, next: I) -> Self {
        Self { needs, supply, size, next, under_way: None }
    }

    /// A part of the path under way of at most `room` bytes and a frame.
    fn part(&mut self, need: usize, from: usize, room: u64) -> (Part, u64) {
        let frames = &self.needs.get(need).frames;
        let (mut to, mut bytes) = (from, 0);
        while to < frames.len() && bytes < room {
            bytes += self.supply.frame(frames[to]).map_or(0, |(_, entry)| u64::from(entry.stored_len));
            to += 1;
        }
        let last = to == frames.len();
        self.under_way = (!last).then_some((need, to));
        (Part { need, frames: frames[from..to].to_vec(), first: from == 0, last }, bytes)
    }
}

impl<I: FnMut() -> Option<usize>> Iterator for Windows<'_, I> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let (mut window, mut bytes) = (Window::default(), 0);
        while bytes < self.size {
            let under_way = self.under_way.take();
            let Some((need, from)) = under_way.or_else(|| Some(((self.next)()?, 0))) else { break };
            let (part, more) = self.part(need, from, self.size - bytes);
            window.parts.push(part);
            bytes += more;
        }
        (!window.parts.is_empty()).then_some(window)
    }
}

/// Fetches the frames of a window. Holds them, and what lies in gaps between them. Also returns how many bytes came.
pub(super) async fn fetch(supply: &Supply, window: &Window) -> (Frames, u64) {
    let mut packs: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
    for &(pack, frame) in window.parts.iter().flat_map(|part| &part.frames) {
        if let Some((_, entry)) = supply.frame((pack, frame)) {
            packs.entry(pack).or_default().insert(frame, u64::from(entry.stored_len));
        }
    }
    let runs: Vec<_> = packs
        .iter()
        .flat_map(|(&pack, frames)| {
            runs(supply, pack, frames.keys().copied()).into_iter().map(move |run| (pack, run))
        })
        .collect();
    let reads = runs.iter().map(|(pack, run)| supply.read(*pack, run.start..run.end));
    let mut frames = Frames::new();
    let mut received = 0;
    for ((pack, run), read) in runs.iter().zip(join_all(reads).await) {
        received += read.as_ref().map_or(0, |bytes| bytes.len() as u64);
        for &(frame, offset, length) in &run.frames {
            let at = (offset - run.start) as usize;
            let slice =
                read.as_ref().map(|bytes| bytes.slice(at..at + length as usize)).map_err(Clone::clone);
            frames.insert((*pack, frame), slice);
        }
    }
    (frames, received)
}

/// Frames that are read at once.
struct Run {
    start: u64,
    end: u64,
    /// Frame, offset in the pack, length.
    frames: Vec<(u32, u64, u64)>,
}

/// Joins frames of a pack, given in order, that lie close to each other.
fn runs(supply: &Supply, pack: u32, frames: impl Iterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for frame in frames {
        let Some((offset, entry)) = supply.frame((pack, frame)) else { continue };
        let (start, length) = (u64::from(offset), u64::from(entry.stored_len));
        match runs.last_mut() {
            Some(run) if start <= run.end + GAP => {
                run.end = start + length;
                run.frames.push((frame, start, length));
            }
            _ => runs.push(Run { start, end: start + length, frames: vec![(frame, start, length)] }),
        }
    }
    runs
}
