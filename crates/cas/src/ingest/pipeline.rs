//! The stages, joined.

use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::batches::Batches;
use super::pieces::Pieces;
use super::shelve::Shelf;
use super::weave::Weaver;
use super::{IngestError, Ingested, Options};
use crate::bucket::Bucket;
use crate::index::ChunkIndex;
use crate::work::blocking;

/// Pieces of the source that wait to be cut.
const PIECES: usize = 1;
/// Batches that wait to be woven.
const BATCHES: usize = 1;
/// Packs and rows that wait to be stored: a full pack is followed by the rows of at least a dozen batches.
const MESSAGES: usize = 32;

/// Lets `read` make chunks of the source, on a thread that may wait, and stores them.
pub(super) async fn run<E: Into<Box<dyn Error + Send + Sync>>, T: Send + 'static>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
    options: &Options,
    read: impl FnOnce(Pieces, &mut Batches) -> Result<T, IngestError> + Send + 'static,
) -> Result<(Ingested, T), IngestError> {
    let (pieces, from_source) = mpsc::channel(PIECES);
    let (batches, from_reader) = mpsc::channel(BATCHES);
    let (messages, from_weaver) = mpsc::channel(MESSAGES);
    let stored = AtomicUsize::new(0);
    let fetching = async move {
        let mut source = pin!(source);
        while let Some(piece) = source.next().await {
            let piece = piece.map_err(|error| IngestError::Source(error.into()))?;
            // The reader is gone when it has failed, which ends the ingest, or wants no more of the source.
            if pieces.send(Some(piece)).await.is_err() {
                return Ok(());
            }
        }
        let _ = pieces.send(None).await;
        Ok(())
    };
    let largest = options.params.max() as usize;
    let reading = async move {
        let read = blocking(move || {
            let mut batches = Batches::new(batches, largest);
            match read(Pieces::new(from_source), &mut batches) {
                Ok(value) => {
                    batches.finish();
                    Some(value)
                }
                Err(error) => {
                    batches.fail(error);
                    None
                }
            }
        });
        match read.await {
            Some(value) => Ok(value),
            // Its error is the last of the batches: what came before it is dealt with first.
            None => pending().await,
        }
    };
    let weaving = Box::pin(Weaver::new(bucket, index, options, &stored, messages).run(from_reader));
    let shelving = Box::pin(Shelf::new(bucket, index, &stored).run(from_weaver));
    let ((), value, ingested, ()) = tokio::try_join!(fetching, reading, weaving, shelving)?;
    Ok((ingested, value))
}
