//! Packs that nobody stored, read as if somebody had.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prost::Message;
use reqwest::Method;
use snowbank_actions::client::{ClientError, Ranged};
use snowbank_binary_cache::bulk::{Piece, Rows};
use snowbank_nix::hash::NarHash;

use super::layout::Pack;
use super::local::Local;
use crate::restore::PackSource;
use crate::site::Site;
use crate::snapshot::PackRef;

/// What is attempted, for errors.
const VERB: &str = "fetch the frames of some paths";

/// The packs of a [`super::layout::Layout`].
pub(crate) struct PulledPacks {
    pub(super) site: Site,
    pub(super) packs: Arc<[Pack]>,
    /// The NARs that frames come from, by number.
    pub(super) nars: Vec<NarHash>,
    pub(super) local: Arc<Local>,
    pub(super) counts: Arc<Counts>,
}

/// Where bytes came from.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Bytes of frames that the server sent.
    pub(super) downloaded: AtomicU64,
    /// Bytes of frames that were made of local files.
    pub(super) local: AtomicU64,
}

impl PackSource for PulledPacks {
    type At = u32;

    async fn locate(&self, pack: &PackRef) -> Result<Option<u32>, ClientError> {
        Ok(((pack.copy as usize) < self.packs.len()).then_some(pack.copy))
    }

    async fn read(&self, at: &u32, range: Range<u64>) -> Result<Ranged, ClientError> {
        let pack = self.packs.get(*at as usize).ok_or_else(|| self.garbage("there is no such pack"))?;
        let total = pack.stored() + pack.footer.len() as u64;
        let bytes = if range.start >= pack.stored() {
            let (start, end) = (range.start - pack.stored(), range.end.saturating_sub(pack.stored()));
            let end = (end as usize).min(pack.footer.len());
            pack.footer.slice((start as usize).min(end)..end)
        } else if pack.is_local {
            self.made(*at, range).await?
        } else {
            self.fetched(pack, range).await?
        };
        Ok(Ranged { bytes, total })
    }
}

impl PulledPacks {
    async fn fetched(&self, pack: &Pack, range: Range<u64>) -> Result<Bytes, ClientError> {
        let most = range.end.saturating_sub(range.start) as usize;
        let question = Bytes::from(Rows { pieces: self.pieces(pack, &range) }.encode_to_vec());
        let bytes = self.site.send(VERB, Method::POST, "rows", question, most).await?;
        if bytes.len() != most {
            return Err(self.garbage("the answer has fewer bytes than were asked for"));
        }
        self.counts.downloaded.fetch_add(most as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// The pieces of rows of frames that a range of a pack is made of.
    pub(super) fn pieces(&self, pack: &Pack, range: &Range<u64>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for (origin, span) in covered(pack, range) {
            let skipped = range.start.saturating_sub(span.start);
            let start = origin.start + skipped;
            let end = origin.start + (span.end.min(range.end) - span.start);
            let Some(nar) = self.nars.get(origin.of as usize) else { continue };
            match pieces.last_mut() {
                Some(last) if last.end == start && last.nar == nar.bytes() => last.end = end,
                _ => pieces.push(Piece { nar: nar.bytes().to_vec(), start, end }),
            }
        }
        pieces
    }

    /// Frames of chunks of local files.
    async fn made(&self, at: u32, range: Range<u64>) -> Result<Bytes, ClientError> {
        let (packs, local) = (Arc::clone(&self.packs), Arc::clone(&self.local));
        let making = move || {
            let pack = &packs[at as usize];
            let (first, end) = frames(pack, &range);
            let base = pack.offsets[first];
            let mut row = Vec::with_capacity((pack.offsets[end] - base) as usize);
            for place in first..end {
                local.frame(pack.origins[place], pack.entries[place].raw_len, &mut row)?;
            }
            let row = Bytes::from(row);
            Ok(row.slice((range.start - base) as usize..(range.end - base) as usize))
        };
        let made: std::io::Result<Bytes> = tokio::task::spawn_blocking(making)
            .await
            .map_err(|_| self.garbage("a thread that reads local files broke off"))?;
        let bytes = made.map_err(|source| ClientError::File {
            attempt: self.site.attempt("read chunks of local files"),
            source,
        })?;
        self.counts.local.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    fn garbage(&self, why: &str) -> ClientError {
        ClientError::Garbage { attempt: self.site.attempt(VERB), why: why.to_owned() }
    }
}

/// The frames that a range touches, by number: the first, and the one behind the last.
fn frames(pack: &Pack, range: &Range<u64>) -> (usize, usize) {
    let first = pack.offsets.partition_point(|&offset| offset <= range.start).saturating_sub(1);
    let end = pack.offsets.partition_point(|&offset| offset < range.end);
    (first, end.min(pack.entries.len()))
}

/// The frames that a range touches, each with where it comes from and its place in the pack.
fn covered<'a>(
    pack: &'a Pack,
    range: &Range<u64>,
) -> impl Iterator<Item = (super::layout::Origin, Range<u64>)> + 'a {
    let (first, end) = frames(pack, range);
    (first..end).map(|at| (pack.origins[at], pack.offsets[at]..pack.offsets[at + 1]))
}
