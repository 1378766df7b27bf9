//! Storing: streams as they arrive, and spooled files.

use std::error::Error;
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use object_store::path::Path;

use super::file_sink::FileSink;
use super::store_sink::StoreSink;
use super::{Bucket, BucketError, PutError, SpooledFile, Stored};
use crate::budget::{Class, Permit};
use crate::work::blocking;

/// Bytes of the first part of a stream into a folder; each next is four times larger up to [`FILE_PART`], so
/// that a stream that trickles holds little.
const FIRST_FILE_PART: usize = 64 << 10;
/// Bytes of a full part of a stream into a folder.
const FILE_PART: usize = 1 << 20;
/// Bytes of a part of a stream into an object store; S3 takes no less than 5 MiB.
pub(super) const STORE_PART: usize = 8 << 20;

enum Sink {
    File(FileSink),
    Store(StoreSink),
}

impl Sink {
    async fn write(&mut self, part: Part) -> Result<(), BucketError> {
        match self {
            Self::File(sink) => sink.write(part.bytes, part.permit).await,
            Self::Store(sink) => sink.write(part.freeze()).await,
        }
    }

    async fn finish(self, last: Part) -> Result<Stored, BucketError> {
        match self {
            Self::File(mut sink) => {
                sink.write(last.bytes, last.permit).await?;
                sink.finish().await
            }
            Self::Store(sink) => sink.finish(last.freeze()).await,
        }
    }

    async fn discard(self) {
        match self {
            Self::File(sink) => sink.discard().await,
            Self::Store(sink) => sink.discard().await,
        }
    }
}

/// A part being gathered: what arrives is copied, because a few bytes may be a slice of a large buffer.
struct Part {
    bytes: Vec<u8>,
    size: usize,
    permit: Permit,
}

impl Part {
    async fn new(bucket: &Bucket, size: usize) -> Self {
        let permit = bucket.budget().take(Class::Upload, size as u64).await;
        Self { bytes: Vec::with_capacity(size), size, permit }
    }

    fn is_full(&self) -> bool {
        self.bytes.len() == self.size
    }

    fn fill(&mut self, piece: &mut Bytes) {
        let more = piece.len().min(self.size - self.bytes.len());
        self.bytes.extend_from_slice(&piece[..more]);
        piece.advance(more);
    }

    fn freeze(self) -> Bytes {
        self.permit.attach(self.bytes)
    }
}

impl Bucket {
    /// Stores `body`, hashed on the way, as the object `name`; durable when it returns. Buffers two parts, of
    /// 1 MiB in a folder and 8 MiB in an object store, taken from the budget's uploads. On an error, and when the
    /// returned future is dropped, nothing is left behind.
    ///
    /// # Errors
    /// [`PutError`], which keeps the sender's failures apart from the bucket's.
    pub async fn put_stream<E: Error + 'static>(
        &self,
        name: &str,
        body: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<Stored, PutError<E>> {
        let (mut sink, first) = match self.directory() {
            Some(directory) => {
                (Sink::File(FileSink::new(directory.clone(), name.to_owned()).await?), FIRST_FILE_PART)
            }
            None => (Sink::Store(StoreSink::new(self.store(), Path::from(name))), STORE_PART),
        };
        let part = Part::new(self, first).await;
        match self.pour(body, limit, &mut sink, part).await {
            Ok(last) => Ok(sink.finish(last).await?),
            Err(error) => {
                sink.discard().await;
                Err(error)
            }
        }
    }

    /// Moves `body` into `sink` and returns the last part, which is not yet in it.
    async fn pour<E: Error + 'static>(
        &self,
        body: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
        sink: &mut Sink,
        mut part: Part,
    ) -> Result<Part, PutError<E>> {
        let mut body = pin!(body);
        let mut size = 0;
        while let Some(piece) = body.next().await {
            let mut piece = piece.map_err(PutError::Sender)?;
            size += piece.len() as u64;
            if size > limit {
                return Err(PutError::TooLarge { limit });
            }
            while !piece.is_empty() {
                if part.is_full() {
                    let next = (part.size * 4).min(FILE_PART).max(part.size);
                    sink.write(part).await?;
                    part = Part::new(self, next).await;
                }
                part.fill(&mut piece);
            }
        }
        Ok(part)
    }

    /// Makes a spooled file the object `name`; durable when it returns. A folder renames it; an object store is
    /// sent it in parts of 8 MiB, of which two are in memory: the permit of the caller's job covers them.
    ///
    /// # Errors
    /// [`BucketError`]; nothing is left behind then, nor when the returned future is dropped.
    pub async fn put_spooled(&self, name: &str, spooled: SpooledFile) -> Result<(), BucketError> {
        if let Some(directory) = self.directory().cloned() {
            let owned = name.to_owned();
            let published = blocking(move || directory.publish(spooled, &owned)).await;
            published.map_err(|error| BucketError::new("store", name, error))?.keep();
            return Ok(());
        }
        let mut sink = StoreSink::new(self.store(), Path::from(name));
        match send(name, spooled, &mut sink).await {
            Ok(last) => sink.finish(last).await.map(drop),
            Err(error) => {
                sink.discard().await;
                Err(error)
            }
        }
    }
}

/// Sends all parts of a spooled file but the last, which it returns.
async fn send(name: &str, mut spooled: SpooledFile, sink: &mut StoreSink) -> Result<Bytes, BucketError> {
    let mut offset = 0;
    loop {
        let more = (spooled.size() - offset).min(STORE_PART as u64);
        let part;
        (spooled, part) = blocking(move || {
            let mut part = vec![0; more as usize];
            let done = spooled.read_exact_at(&mut part, offset);
            (spooled, done.map(|()| Bytes::from(part)))
        })
        .await;
        let part = part.map_err(|error| BucketError::new("read what was spooled for", name, error))?;
        offset += more;
        if offset == spooled.size() {
            return Ok(part);
        }
        sink.write(part).await?;
    }
}
