//! Neighbouring frames of a recipe, read together.

use std::sync::Arc;

use crate::bucket::{Span, pack_name};
use crate::recipe::FrameRef;

/// Frames that are read and worked on together, in the recipe's order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) frames: Vec<FrameRef>,
}

/// Cuts frames into runs that end with the frame that reaches `raw` or `stored` bytes.
pub(crate) fn runs(frames: &[FrameRef], raw: u64, stored: u64) -> Vec<Run> {
    let mut runs = Vec::new();
    let (mut run, mut sums) = (Run::default(), (0, 0));
    for frame in frames {
        run.frames.push(*frame);
        sums = (sums.0 + u64::from(frame.raw_len), sums.1 + u64::from(frame.stored_len));
        if sums.0 >= raw || sums.1 >= stored {
            runs.push(std::mem::take(&mut run));
            sums = (0, 0);
        }
    }
    if !run.frames.is_empty() {
        runs.push(run);
    }
    runs
}

impl Run {
    /// Bytes of all its frames.
    pub(crate) fn stored_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.stored_len)).sum()
    }

    /// Bytes of all its chunks.
    pub(crate) fn raw_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.raw_len)).sum()
    }

    /// Each frame with its bytes, `row` being what [`spans`] names.
    pub(crate) fn split<'a>(&'a self, mut row: &'a [u8]) -> Vec<(&'a FrameRef, &'a [u8])> {
        let mut split = Vec::with_capacity(self.frames.len());
        for frame in &self.frames {
            let (bytes, rest) = row.split_at(row.len().min(frame.stored_len as usize));
            split.push((frame, bytes));
            row = rest;
        }
        split
    }
}

/// Where these frames lie; frames that lie behind one another in a pack share a span.
pub(crate) fn spans<'a>(frames: impl IntoIterator<Item = &'a FrameRef>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut last = None;
    for frame in frames {
        let start = u64::from(frame.offset);
        let end = start + u64::from(frame.stored_len);
        match spans.last_mut() {
            Some(span) if last == Some(frame.pack) && span.range.end == start => span.range.end = end,
            Some(span) if last == Some(frame.pack) => {
                let name = Arc::clone(&span.name);
                spans.push(Span { name, range: start..end });
            }
            _ => spans.push(Span { name: pack_name(frame.pack).into(), range: start..end }),
        }
        last = Some(frame.pack);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChunkHash, FrameHash, PackId};

    fn frame(pack: u64, offset: u32, stored_len: u32) -> FrameRef {
        let (chunk, frame) = (ChunkHash::of(b""), FrameHash::of(b""));
        FrameRef { chunk, frame, raw_len: 2 * stored_len, stored_len, pack: PackId(pack), offset }
    }

    #[test]
    fn neighbours_share_a_span_and_others_do_not() {
        let frames = [frame(1, 0, 5), frame(1, 5, 6), frame(1, 20, 2), frame(2, 22, 3), frame(2, 25, 1)];
        let spans: Vec<_> =
            spans(&frames).into_iter().map(|span| (span.name.to_string(), span.range)).collect();
        let (first, second) = (pack_name(PackId(1)), pack_name(PackId(2)));
        assert_eq!(spans, [(first.clone(), 0..11), (first, 20..22), (second, 22..26)]);
    }

    #[test]
    fn a_run_ends_where_either_bound_is_reached() {
        let frames = [frame(1, 0, 5), frame(1, 5, 6), frame(1, 20, 2), frame(2, 22, 3)];
        let lens =
            |raw, stored| runs(&frames, raw, stored).iter().map(|run| run.frames.len()).collect::<Vec<_>>();
        assert_eq!(lens(1, 100), [1, 1, 1, 1]);
        assert_eq!(lens(22, 100), [2, 2]);
        assert_eq!(lens(100, 12), [3, 1]);
    }
}
