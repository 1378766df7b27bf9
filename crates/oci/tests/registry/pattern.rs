//! A blob whose bytes follow from where they are.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use snowbank_oci::destination::{Blob, Piece, Pieces};
use snowbank_oci::digest::Digest;

const PIECE: usize = 100_000;

pub(crate) struct Pattern {
    bytes: Bytes,
    known: bool,
    /// Breaks after so many bytes.
    breaks: Option<usize>,
    /// How often it was made, and from where the last time.
    pub(crate) opened: AtomicU64,
}

impl Pattern {
    pub(crate) fn new(size: usize) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let bytes: Vec<u8> = (0..size)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        Self { bytes: bytes.into(), known: false, breaks: None, opened: AtomicU64::new(0) }
    }

    /// The same, its digest known before it is made.
    pub(crate) fn known(size: usize) -> Self {
        Self { known: true, ..Self::new(size) }
    }

    pub(crate) fn breaking(size: usize, after: usize) -> Self {
        Self { breaks: Some(after), ..Self::new(size) }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Blob for Pattern {
    fn known(&self) -> Option<(Digest, u64)> {
        self.known.then(|| (self.digest(), self.size()))
    }

    fn open(&self, offset: u64) -> Pieces {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let from = usize::try_from(offset).unwrap();
        let to = self.breaks.unwrap_or(self.bytes.len());
        let all = self.bytes.clone();
        let data =
            (from..to).step_by(PIECE).map(move |at| Ok(Piece::Data(all.slice(at..to.min(at + PIECE)))));
        let end = match self.breaks {
            Some(_) => Err("the disk is gone".into()),
            None => Ok(Piece::End { digest: self.digest(), size: self.size() }),
        };
        stream::iter(data.chain([end])).boxed()
    }
}
