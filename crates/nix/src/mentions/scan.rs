//! The scan.

use std::collections::HashSet;

use super::{MAX_MENTIONS, Mentions, noted};
use crate::{nix32, store_path::HASH_LEN};

/// Values that were noted lately and need not be looked up again; a power of two.
const RECENT: usize = 512;

/// The value of each byte as a nix32 digit, or [`NO_DIGIT`].
static VALUES: [u8; 256] = nix32::values(NO_DIGIT);

const NO_DIGIT: u8 = u8::MAX;

/// Looks for hash parts in content that comes in pieces: for every 32 nix32 digits in a row, those within a longer row
/// included. Holds at most 2 MiB.
#[derive(Debug)]
pub struct MentionScanner {
    /// What was found; `None` once it was too much.
    found: Option<HashSet<u64>>,
    recent: [Option<u64>; RECENT],
    /// The row of digits that the last piece ended with.
    row: Row,
}

/// A row of digits: how many, and what the last ones stand for.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    len: usize,
    /// Of the last 64 bits.
    value: u64,
}

impl Row {
    /// The row with one more digit.
    fn with(self, digit: u8) -> Self {
        Self { len: self.len + 1, value: self.value << 5 | u64::from(digit) }
    }
}

impl Default for MentionScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl MentionScanner {
    /// A scanner that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { found: Some(HashSet::new()), recent: [None; RECENT], row: Row::default() }
    }

    /// Goes on with the next bytes; where the pieces lie makes no difference.
    pub fn update(&mut self, piece: &[u8]) {
        if self.found.is_none() {
            return;
        }
        let mut at = if self.row.len > 0 { self.follow(piece, 0) } else { 0 };
        // Digits before this place were seen to be some.
        let mut seen = at;
        while self.found.is_some() {
            let Some(window) = piece.get(at..).and_then(<[u8]>::first_chunk::<HASH_LEN>) else { break };
            // From behind: what is no digit there rules out all windows that hold it.
            let unseen = seen.saturating_sub(at);
            let other =
                (unseen..HASH_LEN).rev().find(|&place| VALUES[usize::from(window[place])] == NO_DIGIT);
            if let Some(place) = other {
                seen = at + HASH_LEN;
                at += place + 1;
            } else {
                at = self.follow(piece, at);
                seen = at;
            }
        }
        if at < piece.len() {
            let other = piece[at..].iter().rposition(|&byte| VALUES[usize::from(byte)] == NO_DIGIT);
            self.follow(piece, other.map_or(at, |place| at + place + 1));
        }
    }

    /// What was found; `None` if there was so much that the content may mention anything.
    #[must_use]
    pub fn finish(self) -> Option<Mentions> {
        let mut found: Vec<_> = self.found?.into_iter().map(noted).collect();
        found.sort_unstable();
        Some(Mentions(found))
    }

    /// Goes on with the row from `at` to its end and notes its windows. Returns the place behind the byte that ended it,
    /// or the piece's end, where the row may go on in the next piece.
    fn follow(&mut self, piece: &[u8], at: usize) -> usize {
        for (place, &byte) in piece.iter().enumerate().skip(at) {
            let digit = VALUES[usize::from(byte)];
            if digit == NO_DIGIT {
                self.row = Row::default();
                return place + 1;
            }
            self.row = self.row.with(digit);
            if self.row.len >= HASH_LEN {
                self.note(self.row.value);
            }
        }
        piece.len()
    }

    fn note(&mut self, value: u64) {
        // A file of nothing but digits may repeat itself in every byte.
        let recent = &mut self.recent[(value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize % RECENT];
        if recent.replace(value) == Some(value) {
            return;
        }
        if let Some(found) = &mut self.found {
            found.insert(value);
            if found.len() > MAX_MENTIONS {
                self.found = None;
            }
        }
    }
}
