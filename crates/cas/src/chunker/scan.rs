//! The search for the end of one chunk, which may go on over many slices.

use super::gear::{self, WINDOW};
use super::params::Params;

/// By how many bits the condition is stricter before the average and laxer after it.
const NORMALISATION: u32 = 2;

/// Where a chunk's search stands.
pub(super) struct Scan {
    params: Params,
    strict: u64,
    lax: u64,
    /// Bytes of the chunk so far.
    len: usize,
    hash: u64,
}

impl Scan {
    pub(super) fn new(params: Params) -> Self {
        let bits = params.avg().trailing_zeros();
        Self {
            params,
            strict: gear::mask(bits + NORMALISATION),
            lax: gear::mask(bits - NORMALISATION),
            len: 0,
            hash: 0,
        }
    }

    /// Begins a new chunk.
    pub(super) fn restart(&mut self) {
        self.len = 0;
        self.hash = 0;
    }

    /// Goes on over `data`: how many of its bytes end the chunk (and the next chunk begins), or `None` when all
    /// of them belong to it and it may go on.
    pub(super) fn find(&mut self, data: &[u8]) -> Option<usize> {
        let min = self.params.min() as usize;
        let mut rest = data;
        self.take(&mut rest, min - WINDOW);
        // The hash is filled before it is looked at, so that a cut depends on the same window everywhere.
        let warm = self.take(&mut rest, min);
        self.hash = gear::roll(self.hash, warm);
        for (end, mask) in [(self.params.avg(), self.strict), (self.params.max(), self.lax)] {
            let before = data.len() - rest.len();
            let run = self.take(&mut rest, end as usize);
            if let Some(found) = gear::seek(&mut self.hash, run, mask) {
                self.restart();
                return Some(before + found);
            }
        }
        if self.len == self.params.max() as usize {
            self.restart();
            return Some(data.len() - rest.len());
        }
        None
    }

    /// Moves those bytes from the front of `rest` into the chunk that make it `end` bytes long, or all there are.
    fn take<'a>(&mut self, rest: &mut &'a [u8], end: usize) -> &'a [u8] {
        let count = end.saturating_sub(self.len).min(rest.len());
        let (taken, left) = rest.split_at(count);
        *rest = left;
        self.len += count;
        taken
    }
}
