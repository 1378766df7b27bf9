//! Ingest: a stream into chunks, the new ones into packs, all of them into a recipe.
//!
//! Stages joined by bounded channels: the source is fetched; a thread decompresses and cuts it into batches;
//! all processors hash them; the index is asked once a batch; all processors compress what is missing, which
//! fills a spooled pack; full packs are stored while the next batches go on; pages follow their packs.

mod adopt;
mod batch;
mod compress;
mod options;
mod reader;
mod shelve;
mod tally;
mod unfold;
mod weave;

use std::error::Error;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

pub use adopt::{ADOPT_MEMORY, AdoptPackError, Adopted, adopt_pack};
pub use options::{GuardError, Guards, IngestError, Ingested, Options, Plan};
use shelve::Shelf;
pub(crate) use tally::Tally;
use weave::Weaver;

use crate::bucket::Bucket;
use crate::budget::Class;
use crate::index::ChunkIndex;
use crate::packer::{FillError, StoreError};
use crate::work::blocking;

/// Bytes that an ingest holds at most beside the window of a compressed source: four batches of 4.5 MiB (one
/// being cut, one waiting, one in work, its frames), 8 MiB of frames that wait for their pack and as much on its
/// way there, 2 MiB of chunks not yet in the index, two parts of 8 MiB under way to an object store, 2 MiB for
/// each of a few processors, and the pieces of the source.
pub const MEMORY: u64 = 64 << 20;

/// Pieces of the source that wait to be cut.
const PIECES: usize = 1;
/// Batches that wait to be woven.
const BATCHES: usize = 1;
/// Packs and rows that wait to be stored: a full pack is followed by the rows of at least a dozen batches.
const MESSAGES: usize = 32;

/// Cuts `source` and stores what of it is new; the recipe's pages go to `index`, whose recipe has to be empty.
/// Takes [`MEMORY`] and the largest window from the budget's jobs; the source's pieces are not counted.
///
/// Pages are added only after their packs are stored. When the returned future is dropped, an object may stay
/// whose pack was begun and not stored.
///
/// # Errors
/// [`IngestError`]; after [`IngestError::NotATar`] and [`IngestError::Guard`] the same source may be ingested with
/// [`Plan::Plain`] into another recipe.
pub async fn ingest<E: Into<Box<dyn Error + Send + Sync>>>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
    plan: Plan,
    options: Options,
) -> Result<Ingested, IngestError> {
    let window = if plan == Plan::ZstdTar { options.guards.window } else { 0 };
    let _permit = bucket.budget().take(Class::Job, MEMORY + window).await;
    let (pieces, from_source) = mpsc::channel(PIECES);
    let (batches, from_reader) = mpsc::channel(BATCHES);
    let (messages, from_weaver) = mpsc::channel(MESSAGES);
    let stored = AtomicUsize::new(0);
    let fetching = async move {
        let mut source = pin!(source);
        while let Some(piece) = source.next().await {
            let piece = piece.map_err(|error| IngestError::Source(error.into()))?;
            // The reader is gone only when it has failed, which ends the ingest.
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
        drop(pieces);
        Ok(())
    };
    let reading = async {
        blocking(move || reader::read(plan, &options, from_source, batches)).await;
        Ok(())
    };
    let weaving = Box::pin(Weaver::new(bucket, index, &options, &stored, messages).run(from_reader));
    let shelving = Box::pin(Shelf::new(bucket, index, &stored).run(from_weaver));
    let ((), (), ingested, ()) = tokio::try_join!(fetching, reading, weaving, shelving)?;
    Ok(ingested)
}

impl From<FillError> for IngestError {
    fn from(error: FillError) -> Self {
        match error {
            FillError::Bucket(error) => Self::Bucket(error),
            FillError::Pack(error) => Self::Pack(error),
        }
    }
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Bucket(error) => Self::Bucket(error),
            StoreError::Index(error) => Self::Index(error),
        }
    }
}
