//! Reading back what an ingest stored.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use rayon::prelude::*;

use crate::assemble::{AssembleError, Damage, Fault, Measure, PageSource, Run, page_stream, runs, spans};
use crate::bucket::{Bucket, BucketError};
use crate::budget::Class;
use crate::frame::Decoder;
use crate::id::{ChunkHash, FrameHash};
use crate::index::IndexError;
use crate::ingest::{Ingested, Tally};
use crate::pool::Pool;
use crate::recipe::FrameRef;
use crate::spares::Spares;
use crate::work::computing;

/// Bytes that a verification holds at most: three runs of 4 MiB and a frame, and a chunk for each processor.
pub const MEMORY: u64 = 32 << 20;

/// Bytes of frames that are read at once, beside the rest of the last frame.
const RUN: u64 = 4 << 20;
/// How many runs are read ahead.
const RUNS: usize = 2;

/// What is stored is not what was ingested, or that could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A frame is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The pages are not those of the ingest: they sum up to something else.
    #[error("the recipe sums up to {found:?} instead of {expected:?}")]
    Different {
        /// What the ingest told.
        expected: Box<Ingested>,
        /// What the pages say.
        found: Box<Ingested>,
    },
    /// The recipe ends too early.
    #[error("the recipe has no page with byte {0}")]
    NoPage(u64),
    /// The bucket failed; [`BucketError::Missing`] and [`BucketError::Short`] name a damaged pack.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The pages could not be had.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl From<AssembleError> for VerifyError {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Bucket(error) => Self::Bucket(error),
            AssembleError::Index(error) => Self::Index(error),
            AssembleError::NoPage(offset) => Self::NoPage(offset),
            AssembleError::Damaged(damage) => Self::Damaged(damage),
        }
    }
}

/// Reads all frames of a recipe back, reused ones too, in order, and checks each frame's and each chunk's hash and
/// all sums. Takes [`MEMORY`] from the budget's jobs.
///
/// # Errors
/// [`VerifyError`]: the first damage in the recipe's order.
pub async fn verify(bucket: &Bucket, pages: impl PageSource, expected: &Ingested) -> Result<(), VerifyError> {
    let _permit = bucket.budget().take(Class::Job, MEMORY).await;
    let pages: Arc<dyn PageSource> = Arc::new(pages);
    let (decoders, spares) = (Arc::new(Pool::new()), Spares::default());
    let rows = page_stream(Arc::clone(&pages), Measure::Stored, 0..expected.stored_size)
        .map_ok(|page| {
            stream::iter(runs(&page.frames, u64::MAX, RUN).into_iter().map(Ok::<_, AssembleError>))
        })
        .try_flatten()
        .map_ok(|run| {
            let spare = spares.get();
            async move {
                let row = bucket.read_row(spans(&run.frames), spare).await?;
                Ok((run, row))
            }
        })
        .try_buffered(RUNS);
    let mut rows = std::pin::pin!(rows);
    let mut tally = Tally::default();
    while let Some((run, row)) = rows.next().await.transpose()? {
        let decoders = Arc::clone(&decoders);
        let checked = computing(move || check(&run, &row, &decoders).map(|()| run)).await?;
        checked.frames.iter().for_each(|frame| tally.frame(frame));
    }
    let new = Ingested { new_frames: 0, new_stored_bytes: 0, ..*expected };
    let found = tally.finish();
    let beyond = pages.page_at(Measure::Stored, expected.stored_size).await?;
    if found != new
        || beyond.is_some_and(|page| page.stored_start >= expected.stored_size && found.frames > 0)
    {
        return Err(VerifyError::Different { expected: Box::new(new), found: Box::new(found) });
    }
    Ok(())
}

/// Checks all frames of a run on all processors; the first damage by their order is told.
fn check(run: &Run, row: &[u8], decoders: &Pool<Decoder>) -> Result<(), Damage> {
    let faults: Vec<_> = run
        .split(row)
        .into_par_iter()
        .map(|(frame, bytes)| check_frame(frame, bytes, decoders).map_err(|fault| Damage::of(frame, fault)))
        .collect();
    faults.into_iter().collect()
}

fn check_frame(frame: &FrameRef, bytes: &[u8], decoders: &Pool<Decoder>) -> Result<(), Fault> {
    if FrameHash::of(bytes) != frame.frame {
        return Err(Fault::FrameHash);
    }
    decoders.with(
        || Decoder::new().map_err(Fault::from),
        |decoder| match ChunkHash::of(decoder.decode(bytes, frame.raw_len)?) == frame.chunk {
            true => Ok(()),
            false => Err(Fault::ChunkHash),
        },
    )
}
