//! Which bytes of packs make a NAR, and in which parts they are fetched.

use std::ops::Range;

use bytes::Bytes;
use snowbank_cas::id::FrameHash;

/// Bytes between two frames that are fetched with them rather than left out by one more request.
const GAP: u32 = 128 << 10;

/// Bytes of a part.
pub(super) const PART: u32 = 4 << 20;

/// Frames of a part at most: the same one may be named again and again.
const MAX_PIECES: usize = 4096;

/// A frame of a NAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) pack: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) hash: FrameHash,
}

/// Frames that are fetched by one request, in the order of the NAR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) pack: u32,
    pub(super) range: Range<u32>,
    pub(super) pieces: Vec<Piece>,
}

impl Piece {
    const fn end(&self) -> u32 {
        self.offset.saturating_add(self.len)
    }
}

impl Part {
    fn of(piece: Piece) -> Self {
        Self { pack: piece.pack, range: piece.offset..piece.end(), pieces: vec![piece] }
    }

    /// Whether a frame can be fetched with it: one that lies in it, or not far behind it.
    fn takes(&self, piece: &Piece) -> bool {
        let near = piece.offset >= self.range.start
            && piece.offset.saturating_sub(self.range.end) <= GAP
            && piece.end() - self.range.start <= PART;
        self.pack == piece.pack && self.pieces.len() < MAX_PIECES && near
    }

    /// The frames in its bytes, neighbours together; none when one is not what it should be.
    pub(super) fn cut(&self, bytes: &Bytes) -> Option<Vec<Bytes>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for piece in &self.pieces {
            let start = (piece.offset - self.range.start) as usize;
            let end = start + piece.len as usize;
            if FrameHash::of(bytes.get(start..end)?) != piece.hash {
                return None;
            }
            match runs.last_mut() {
                Some(run) if run.end == start => run.end = end,
                _ => runs.push(start..end),
            }
        }
        Some(runs.into_iter().map(|run| bytes.slice(run)).collect())
    }
}

/// The parts that hold these frames, in their order.
pub(super) fn parts(pieces: impl IntoIterator<Item = Piece>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        match parts.last_mut() {
            Some(part) if part.takes(&piece) => {
                part.range.end = part.range.end.max(piece.end());
                part.pieces.push(piece);
            }
            _ => parts.push(Part::of(piece)),
        }
    }
    parts
}

/// The frames that hold these bytes of a row of frames, and how many bytes of the first of them come before.
pub(super) fn within(pieces: impl IntoIterator<Item = Piece>, range: &Range<u64>) -> (Vec<Piece>, u64) {
    let (mut at, mut skip, mut found) = (0u64, 0, Vec::new());
    for piece in pieces {
        let end = at + u64::from(piece.len);
        if end > range.start && at < range.end {
            if found.is_empty() {
                skip = range.start - at;
            }
            found.push(piece);
        }
        at = end;
    }
    (found, skip)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame of some pack whose bytes follow from the place.
    fn piece(pack: u32, offset: u32, len: u32) -> Piece {
        Piece { pack, offset, len, hash: FrameHash::of(&content(offset..offset + len)) }
    }

    fn content(range: Range<u32>) -> Bytes {
        range.map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
    }

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let piece =
            (0..2u32, 0..400_000u32, 1..3000u32).prop_map(|(pack, offset, len)| piece(pack, offset, len));
        prop::collection::vec(piece, 0..30)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_range_of_a_nar_is_what_its_parts_are_cut_to(
            pieces in pieces(),
            from in any::<prop::sample::Index>(),
            to in any::<prop::sample::Index>(),
        ) {
            let row: Vec<u8> =
                pieces.iter().flat_map(|piece| content(piece.offset..piece.end())).collect();
            let (from, to) = (from.index(row.len() + 1), to.index(row.len() + 1));
            let range = from.min(to) as u64..from.max(to) as u64;
            let (found, skip) = within(pieces, &range);
            let mut bytes = Vec::new();
            for part in parts(found) {
                prop_assert!(part.range.len() <= PART as usize);
                bytes.extend(part.cut(&content(part.range.clone())).unwrap().concat());
            }
            if !range.is_empty() {
                let length = (range.end - range.start) as usize;
                prop_assert_eq!(&bytes[skip as usize..][..length], &row[range.start as usize..range.end as usize]);
            }
        }
    }

    #[test]
    fn near_frames_are_fetched_together_and_the_same_one_once() {
        let shapes = |pieces: &[Piece]| {
            parts(pieces.iter().copied())
                .into_iter()
                .map(|part| (part.range, part.pieces.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shapes(&[piece(0, 0, 10), piece(0, 10, 10), piece(0, 0, 10)]), [(0..20, 3)]);
        assert_eq!(shapes(&[piece(0, 0, 10), piece(0, 10 + GAP, 10)]), [(0..20 + GAP, 2)]);
        assert_eq!(shapes(&[piece(0, 0, 10), piece(0, 11 + GAP, 10)]).len(), 2);
        assert_eq!(shapes(&[piece(0, 0, 10), piece(1, 10, 10)]).len(), 2);
        assert_eq!(shapes(&[piece(0, 10, 10), piece(0, 0, 10)]).len(), 2);
    }

    #[test]
    fn damage_is_noticed() {
        let part = &parts([piece(0, 5, 10), piece(0, 20, 10)])[0];
        let good = content(5..30);
        assert_eq!(part.cut(&good).unwrap(), [content(5..15), content(20..30)]);
        let mut bad = good.to_vec();
        bad[16] ^= 1;
        assert_eq!(part.cut(&Bytes::from(bad)), None);
        assert_eq!(part.cut(&good.slice(..20)), None);
    }
}
