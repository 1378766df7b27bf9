//! Reading: rows of spans, in blocks, one block ahead.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use rustix::fs::{Advice, fadvise};

use super::buffers::BUFFER;
use super::{Bucket, BucketError};
use crate::budget::{Class, Permit};
use crate::spares::{Spare, Spares};
use crate::work::blocking;

/// Bytes that are read from an object store with one request.
const REQUEST: u64 = 4 << 20;
/// How many requests to an object store are under way or done for one stream, beside the one in use.
const REQUESTS: usize = 3;
/// How many blocks of a stream from a folder are being read or were read, beside the one in use: the next one is
/// read while one is sent.
const BLOCKS: usize = 2;
/// How many small spans a block may gather.
const SPANS: usize = 256;
/// How many open files a stream keeps.
const FILES: usize = 8;

/// A run of an object's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: Arc<str>,
    pub(crate) range: Range<u64>,
}

/// Who pays for a stream's buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Paid {
    /// The budget's downloads.
    Download,
    /// A permit that the caller holds: at most 2 MiB from a folder, 16 MiB from an object store.
    Covered,
}

/// The files that a stream read from last, newest first.
#[derive(Default)]
struct Files {
    /// Whether what was read is not read again, so that the system need not keep it in memory.
    once: bool,
    open: Mutex<VecDeque<(Arc<str>, Arc<File>)>>,
}

impl Files {
    fn get(&self, bucket: &Bucket, name: &Arc<str>) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            match open.iter().position(|(known, _)| known == name).and_then(|place| open.remove(place)) {
                Some(found) => found,
                None => {
                    let directory = bucket.directory().ok_or(io::ErrorKind::Unsupported)?;
                    (Arc::clone(name), Arc::new(directory.open_object(name)?))
                }
            };
        let file = Arc::clone(&found.1);
        open.push_front(found);
        open.truncate(FILES);
        Ok(file)
    }

    fn fill(&self, bucket: &Bucket, span: &Span, space: &mut [u8]) -> Result<(), BucketError> {
        let done = self.get(bucket, &span.name).and_then(|file| {
            file.read_exact_at(space, span.range.start)?;
            if self.once {
                forget(&file, &span.range);
            }
            Ok(())
        });
        done.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                BucketError::Short { name: span.name.to_string(), end: span.range.end }
            }
            _ => BucketError::new("read", &*span.name, error),
        })
    }
}

impl Bucket {
    /// The bytes of `range` of the object `name`, in blocks of at most 512 KiB from a folder and 4 MiB from an
    /// object store. The next block (the next three from an object store) is read ahead; each is taken from the budget's
    /// downloads until its last clone is dropped. Touches no file before it is polled.
    pub fn read(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BucketError>> + Send + 'static + use<> {
        self.read_paid(name, range, Paid::Download)
    }

    /// The same for a job that reads an object once and holds a permit for its own buffers, which covers these: at
    /// most 2 MiB from a folder, 16 MiB from an object store. The system's copy in memory is given back as it is
    /// read, for what the job writes meanwhile.
    pub fn read_within_job(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, BucketError>> + Send + 'static + use<> {
        self.read_paid(name, range, Paid::Covered)
    }

    fn read_paid(
        &self,
        name: &str,
        range: Range<u64>,
        paid: Paid,
    ) -> BoxStream<'static, Result<Bytes, BucketError>> {
        let span = Span { name: name.into(), range };
        self.read_spans(stream::iter([Ok::<_, BucketError>(span)]), paid)
    }

    /// A small range of the object `name` at once: the caller bounds it.
    ///
    /// # Errors
    /// [`BucketError::Missing`], [`BucketError::Short`] when the object ends before the range does.
    pub async fn read_vec(&self, name: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let span = Span { name: name.into(), range };
        Ok(Bytes::from_owner(self.read_row(vec![span], Spares::default().get()).await?))
    }

    /// The bytes of these spans as one row, cut into blocks of its own choice.
    pub(crate) fn read_spans<E: From<BucketError> + Send + 'static>(
        &self,
        spans: impl Stream<Item = Result<Span, E>> + Send + 'static,
        paid: Paid,
    ) -> BoxStream<'static, Result<Bytes, E>> {
        let local = self.directory().is_some();
        let under_way = if local { BLOCKS } else { REQUESTS };
        let files = Arc::new(Files { once: matches!(paid, Paid::Covered), ..Files::default() });
        let bucket = self.clone();
        blocks(spans, local)
            .map(move |block| {
                let (bucket, files) = (bucket.clone(), Arc::clone(&files));
                async move {
                    let block = block?;
                    let size = block.iter().map(|span| span.range.end - span.range.start).sum();
                    let permit = match paid {
                        Paid::Download => bucket.budget().take(Class::Download, size).await,
                        Paid::Covered => Permit::covered(),
                    };
                    Ok(bucket.read_block(block, permit, files).await?)
                }
            })
            .buffered(under_way)
            .boxed()
    }

    /// Puts the bytes of these spans as one row into `row`, in place of what was there: the caller bounds it, and
    /// counts it.
    pub(crate) async fn read_row(&self, spans: Vec<Span>, mut row: Spare) -> Result<Spare, BucketError> {
        let size = spans.iter().map(|span| (span.range.end - span.range.start) as usize).sum();
        if self.directory().is_none() {
            row.clear();
            let blocks = self.read_spans(stream::iter(spans.into_iter().map(Ok)), Paid::Covered);
            return blocks
                .try_fold(row, |mut row, block| async move {
                    row.extend_from_slice(&block);
                    Ok(row)
                })
                .await;
        }
        let bucket = self.clone();
        blocking(move || {
            row.resize(size, 0);
            let files = Files::default();
            let mut rest = row.as_mut_slice();
            for span in spans {
                let (space, after) = rest.split_at_mut((span.range.end - span.range.start) as usize);
                files.fill(&bucket, &span, space)?;
                rest = after;
            }
            Ok(row)
        })
        .await
    }

    async fn read_block(
        &self,
        block: Vec<Span>,
        permit: Permit,
        files: Arc<Files>,
    ) -> Result<Bytes, BucketError> {
        if self.directory().is_none() {
            return match block.first() {
                Some(span) => Ok(permit.attach(self.request(span).await?)),
                None => Ok(Bytes::new()),
            };
        }
        let bucket = self.clone();
        blocking(move || {
            let mut buffer = bucket.buffers().get();
            for span in block {
                let size = (span.range.end - span.range.start) as usize;
                files.fill(&bucket, &span, &mut buffer.space()[..size])?;
                buffer.filled += size;
            }
            Ok(permit.attach(buffer))
        })
        .await
    }

    async fn request(&self, span: &Span) -> Result<Bytes, BucketError> {
        let (name, end) = (&*span.name, span.range.end);
        match self.store().get_range(&Path::from(name), span.range.clone()).await {
            Ok(bytes) if bytes.len() as u64 == end - span.range.start => Ok(bytes),
            Ok(_) => Err(BucketError::Short { name: name.to_owned(), end }),
            Err(error) => Err(match self.size(name).await {
                Ok(Some(size)) if size < end => BucketError::Short { name: name.to_owned(), end },
                _ => BucketError::new("read", name, error),
            }),
        }
    }
}

/// Gives the system's copy of this part of a file back.
fn forget(file: &File, range: &Range<u64>) {
    let length = NonZeroU64::new(range.end - range.start);
    // Advice is all that it is: a file system that does not take it reads as well.
    let _ = fadvise(file, range.start, length, Advice::DontNeed);
}

/// Cuts a row of spans into the blocks that are read at once: as much as a buffer holds from a folder, a request
/// from an object store.
fn blocks<E: Send + 'static>(
    spans: impl Stream<Item = Result<Span, E>> + Send + 'static,
    local: bool,
) -> impl Stream<Item = Result<Vec<Span>, E>> + Send + 'static {
    let (size, count) = if local { (BUFFER as u64, SPANS) } else { (REQUEST, 1) };
    let rest: Option<Span> = None;
    stream::try_unfold((Box::pin(spans), rest), move |(mut spans, mut rest)| async move {
        let (mut block, mut room) = (Vec::new(), size);
        while block.len() < count && room > 0 {
            let Some(mut span) = (match rest.take() {
                Some(rest) => Some(rest),
                None => spans.try_next().await?,
            }) else {
                break;
            };
            let end = span.range.end.min(span.range.start.saturating_add(room));
            if end < span.range.end {
                rest = Some(Span { name: Arc::clone(&span.name), range: end..span.range.end });
            }
            span.range.end = end;
            if !span.range.is_empty() {
                room -= end - span.range.start;
                block.push(span);
            }
        }
        Ok((!block.is_empty()).then_some((block, (spans, rest))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, range: Range<u64>) -> Span {
        Span { name: name.into(), range }
    }

    async fn cut(spans: Vec<Span>, local: bool) -> Vec<Vec<Span>> {
        let spans = stream::iter(spans.into_iter().map(Ok::<_, BucketError>));
        blocks(spans, local).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn a_large_span_is_cut_and_small_ones_share_a_block() {
        let (size, half) = (BUFFER as u64, BUFFER as u64 / 2);
        let cut = cut(vec![span("a", 0..size + half), span("b", 5..5 + half), span("c", 0..1)], true).await;
        let second = vec![span("a", size..size + half), span("b", 5..5 + half)];
        assert_eq!(cut, [vec![span("a", 0..size)], second, vec![span("c", 0..1)]]);
    }

    #[tokio::test]
    async fn a_request_holds_one_span() {
        let cut = cut(vec![span("a", 0..REQUEST + 1), span("b", 0..1), span("c", 3..3)], false).await;
        assert_eq!(cut, [[span("a", 0..REQUEST)], [span("a", REQUEST..REQUEST + 1)], [span("b", 0..1)]]);
    }

    #[tokio::test]
    async fn many_tiny_spans_are_not_one_block() {
        let cut = cut((0..SPANS as u64 + 1).map(|at| span("a", at * 2..at * 2 + 1)).collect(), true).await;
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [SPANS, 1]);
    }
}
