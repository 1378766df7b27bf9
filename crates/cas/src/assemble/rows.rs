//! Pieces of many recipes' rows of frames, one behind the other.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::AssembleError;
use super::frames::clipped;
use super::pages::{Measure, PageSource, page_stream};
use crate::bucket::{Bucket, Paid, Span};

/// Pieces whose places are looked up beside the one that is read: small ones would wait longer for that than for the disk.
const AHEAD: usize = 8;

/// The bytes of these ranges of rows of frames, as they are stored, as one row. Bounded like [`Bucket::read`], and
/// the places of eight pieces, 40 bytes a frame; the caller bounds how many pieces there are and how long.
pub fn rows<P: PageSource>(
    bucket: &Bucket,
    pieces: Vec<(P, Range<u64>)>,
) -> impl Stream<Item = Result<Bytes, AssembleError>> + Send + 'static + use<P> {
    let spans = stream::iter(pieces)
        .map(|(pages, range)| places(pages, range))
        .buffered(AHEAD)
        .map_ok(|spans| stream::iter(spans.into_iter().map(Ok)))
        .try_flatten();
    bucket.read_spans(spans, Paid::Download)
}

async fn places(pages: impl PageSource, range: Range<u64>) -> Result<Vec<Span>, AssembleError> {
    let pages = page_stream(Arc::new(pages), Measure::Stored, range.clone());
    pages.map_ok(|page| clipped(&page, &range)).try_concat().await
}
