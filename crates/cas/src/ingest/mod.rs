//! Ingest: a stream into chunks, the new ones into packs, all of them into a recipe.
//!
//! Stages joined by bounded channels: the source is fetched; a thread decompresses and cuts it into batches;
//! all processors hash them; the index is asked once a batch; all processors compress what is missing, which
//! fills a spooled pack; full packs are stored while the next batches go on; pages follow their packs.

mod adopt;
mod batch;
mod batches;
mod compress;
mod cuts;
mod foreign;
mod options;
mod pieces;
mod pipeline;
mod reader;
mod shelve;
mod take;
mod tally;
mod unfold;
mod weave;
mod writer;

use std::error::Error;

use bytes::Bytes;
use futures::Stream;

pub use adopt::{Adopted, adopt_pack};
pub use cuts::Cuts;
pub use foreign::{ADOPT_MEMORY, AdoptPackError};
pub use options::{GuardError, Guards, IngestError, Ingested, Options, Plan};
pub use pieces::Pieces;
pub use take::{MAX_TAKEN, Taken, take_pack};
pub(crate) use tally::Tally;
pub use writer::{RecipeWriter, Written};

use crate::bucket::Bucket;
use crate::budget::Class;
use crate::index::ChunkIndex;
use crate::packer::{FillError, StoreError};

/// Bytes that an ingest holds at most beside the window of a compressed source: four batches of 4.5 MiB (one
/// being cut, one waiting, one in work, its frames), 8 MiB of frames that wait for their pack and as much on its
/// way there, 2 MiB of chunks not yet in the index, two parts of 8 MiB under way to an object store, 2 MiB for
/// each of a few processors, and the pieces of the source.
pub const MEMORY: u64 = 64 << 20;

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
    let read = move |pieces, batches: &mut _| reader::read(plan, &options, pieces, batches);
    let (ingested, ()) = pipeline::run(bucket, index, source, &options, read).await?;
    Ok(ingested)
}

/// [`ingest`] of what `read` makes of the source: it decompresses, checks and hashes, on a thread that may wait, and
/// hands the stream that is to be kept to [`Cuts`]; what it returns comes back. What it leaves of the source is not
/// asked for.
///
/// Takes [`MEMORY`] and the largest window of the options' guards from the budget's jobs, so `read` may hold as much
/// as that window beside a piece of the source and a chunk.
///
/// # Errors
/// [`IngestError`]; that of `read` is [`IngestError::Refused`]. The recipe is then of no more use, and full packs that
/// were stored before wait for their lease to end.
pub async fn ingest_with<E, T, F>(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    source: impl Stream<Item = Result<Bytes, E>>,
    read: F,
    options: Options,
) -> Result<(Ingested, T), IngestError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
    T: Send + 'static,
    F: FnOnce(Pieces, &mut Cuts<'_>) -> Result<T, Box<dyn Error + Send + Sync>> + Send + 'static,
{
    let _permit = bucket.budget().take(Class::Job, MEMORY + options.guards.window).await;
    let cut = move |pieces, batches: &mut _| {
        let mut cuts = Cuts::new(options.params, batches);
        let value = read(pieces, &mut cuts).map_err(IngestError::Refused)?;
        cuts.finish();
        Ok(value)
    };
    pipeline::run(bucket, index, source, &options, cut).await
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
