//! A recipe as the row of frames that it pins.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};

use super::pages::{Measure, PageSource, page_stream};
use super::{AssembleError, spans};
use crate::bucket::{Bucket, Paid, Span};
use crate::recipe::RecipePage;

/// The bytes of `range` of the recipe's row of frames, as they are stored: not decompressed and not checked
/// (the reader's zstd checks each frame's own sum). Bounded like [`Bucket::read`], and two pages.
pub fn frames(
    bucket: &Bucket,
    pages: impl PageSource,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, AssembleError>> + Send + 'static {
    let spans = page_stream(Arc::new(pages), Measure::Stored, range.clone())
        .map_ok(move |page| stream::iter(clipped(&page, &range).into_iter().map(Ok)))
        .try_flatten();
    bucket.read_spans(spans, Paid::Download)
}

/// Where that part of the page's frames lies that is in `range`.
pub(super) fn clipped(page: &RecipePage, range: &Range<u64>) -> Vec<Span> {
    let mut spans = spans(&page.frames);
    let mut start = page.stored_start;
    spans.retain_mut(|span| {
        let end = start + (span.range.end - span.range.start);
        let (skipped, cut) = (range.start.saturating_sub(start), end.saturating_sub(range.end));
        start = end;
        span.range.start += skipped;
        span.range.end = span.range.end.saturating_sub(cut);
        span.range.start < span.range.end
    });
    spans
}
