//! A recipe as the stream that it was made from.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};

use super::pages::{Measure, PageSource, page_stream};
use super::{AssembleError, Damage, Fault, Run, runs, spans};
use crate::bucket::Bucket;
use crate::budget::{Class, Permit};
use crate::frame::Decoder;
use crate::id::ChunkHash;
use crate::pool::Pool;
use crate::recipe::RecipePage;
use crate::spares::Spares;
use crate::work::computing;

/// Bytes of the stream that are decompressed at once, beside the rest of the last chunk.
const RUN: u64 = 1 << 20;
/// How many runs are read and decompressed beside the one in use.
const RUNS: usize = 2;

/// A run and where its first chunk begins in the stream.
struct Piece {
    start: u64,
    run: Run,
}

/// Whether a chunk is checked against its hash. Each frame has a sum of its own, by which zstd notices what went wrong on a
/// disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Chunks,
    Nothing,
}

/// The bytes of `range` of the stream that the recipe stands for; every chunk is checked against its hash.
/// Pieces are 1 MiB and at most a chunk more, two are made ahead; they and the frames that they are made from are
/// taken from the budget's downloads.
pub fn chunks(
    bucket: &Bucket,
    pages: impl PageSource,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, AssembleError>> + Send + 'static {
    unfolded(bucket, pages, range, Check::Chunks)
}

/// [`chunks`] of the whole stream, not checked: for a reader who knows the hash of it, which says more.
pub fn unchecked(
    bucket: &Bucket,
    pages: impl PageSource,
    size: u64,
) -> impl Stream<Item = Result<Bytes, AssembleError>> + Send + 'static {
    unfolded(bucket, pages, 0..size, Check::Nothing)
}

fn unfolded(
    bucket: &Bucket,
    pages: impl PageSource,
    range: Range<u64>,
    check: Check,
) -> impl Stream<Item = Result<Bytes, AssembleError>> + Send + 'static {
    let bucket = bucket.clone();
    let (decoders, spares) = (Arc::new(Pool::new()), Spares::default());
    let clip = range.clone();
    page_stream(Arc::new(pages), Measure::Raw, range.clone())
        .map_ok(move |page| stream::iter(pieces(&page, &range).into_iter().map(Ok)))
        .try_flatten()
        .map_ok(move |piece| {
            let (bucket, decoders, clip) = (bucket.clone(), Arc::clone(&decoders), clip.clone());
            let spares = spares.clone();
            async move {
                let bytes = piece.run.raw_len() + piece.run.stored_len();
                let permit = bucket.budget().take(Class::Download, bytes).await;
                let row = bucket.read_row(spans(&piece.run.frames), spares.get()).await?;
                let skip = clip.start.saturating_sub(piece.start) as usize;
                let end = (clip.end - piece.start).min(piece.run.raw_len()) as usize;
                let whole = computing(move || decode(&piece.run, &row, &decoders, permit, check)).await?;
                Ok(whole.slice(skip..end))
            }
        })
        .try_buffered(RUNS)
}

/// The runs of the page's frames that `range` touches.
fn pieces(page: &RecipePage, range: &Range<u64>) -> Vec<Piece> {
    let mut start = page.raw_start;
    let mut touched = Vec::new();
    let mut first = None;
    for frame in &page.frames {
        let end = start + u64::from(frame.raw_len);
        if end > range.start && start < range.end {
            first.get_or_insert(start);
            touched.push(*frame);
        }
        start = end;
    }
    let mut start = first.unwrap_or(start);
    let mut pieces = Vec::new();
    for run in runs(&touched, RUN, u64::MAX) {
        let len = run.raw_len();
        pieces.push(Piece { start, run });
        start += len;
    }
    pieces
}

fn decode(
    run: &Run,
    row: &[u8],
    decoders: &Pool<Decoder>,
    permit: Permit,
    check: Check,
) -> Result<Bytes, Damage> {
    let mut whole = Vec::with_capacity(run.raw_len() as usize);
    for (frame, bytes) in run.split(row) {
        let decoded = decoders.with(Decoder::new, |decoder| {
            let chunk = decoder.decode(bytes, frame.raw_len)?;
            whole.extend_from_slice(chunk);
            Ok(check == Check::Nothing || ChunkHash::of(chunk) == frame.chunk)
        });
        match decoded {
            Ok(true) => {}
            Ok(false) => return Err(Damage::of(frame, Fault::ChunkHash)),
            Err(error) => return Err(Damage::of(frame, error.into())),
        }
    }
    Ok(permit.attach(whole))
}
