//! Moving frames into new packs, verbatim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::assemble::{Damage, Fault, Run, runs, spans};
use crate::bucket::{Bucket, BucketError};
use crate::budget::Class;
use crate::id::{FrameHash, PackId};
use crate::index::{ChunkIndex, IndexError};
use crate::pack::{PackEntry, PackError};
use crate::packer::{ClosedPack, FillError, Packer, StoreError};
use crate::recipe::FrameRef;
use crate::spares::Spares;
use crate::work::{blocking, computing};

/// Bytes that moving frames holds at most: two runs, and two parts under way to an object store.
pub const MEMORY: u64 = 32 << 20;

/// Bytes of frames that are moved at once, beside the rest of the last frame.
const RUN: u64 = 4 << 20;

/// Where frames are now.
#[derive(Debug, Default)]
pub struct Repacked {
    /// The new place of each frame by its old one: pack and offset.
    pub moved: HashMap<(PackId, u32), FrameRef>,
    /// Frames that were found damaged and were not moved: their packs have to stay.
    pub damaged: Vec<Damage>,
}

/// Frames could not be moved. Packs that were stored before stay; nothing that was is changed.
#[derive(Debug, thiserror::Error)]
pub enum RepackError {
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A pack could not be made.
    #[error("making a pack failed")]
    Pack(#[from] PackError),
}

impl From<FillError> for RepackError {
    fn from(error: FillError) -> Self {
        match error {
            FillError::Bucket(error) => Self::Bucket(error),
            FillError::Pack(error) => Self::Pack(error),
        }
    }
}

impl From<StoreError> for RepackError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Bucket(error) => Self::Bucket(error),
            StoreError::Index(error) => Self::Index(error),
        }
    }
}

/// Copies these frames into new packs of `pack_size` bytes, in order of their old places, each once and only when
/// its bytes still have their hash. Takes [`MEMORY`] from the budget's jobs.
///
/// # Errors
/// [`RepackError`]; a damaged frame is none, see [`Repacked::damaged`].
pub async fn repack(
    bucket: &Bucket,
    index: &dyn ChunkIndex,
    mut frames: Vec<FrameRef>,
    pack_size: u64,
) -> Result<Repacked, RepackError> {
    let _permit = bucket.budget().take(Class::Job, MEMORY).await;
    frames.sort_unstable_by_key(|frame| (frame.pack, frame.offset));
    frames.dedup_by_key(|frame| (frame.pack, frame.offset));
    let packer = Arc::new(Mutex::new(Packer::new(bucket, pack_size)));
    let mut moving = Moving { bucket, index, old: Vec::new(), repacked: Repacked::default() };
    let spares = Spares::default();
    for run in runs(&frames, u64::MAX, RUN) {
        let row = bucket.read_row(spans(&run.frames), spares.get()).await?;
        let (run, row, faults) = computing(move || {
            let faults = check(&run, &row);
            (run, row, faults)
        })
        .await;
        let packer = Arc::clone(&packer);
        let filled = blocking(move || fill(&packer, &run, &row, faults)).await?;
        for step in filled {
            moving.step(step).await?;
        }
    }
    let last = blocking(move || packer.lock().unwrap_or_else(PoisonError::into_inner).close()).await?;
    if let Some(pack) = last {
        moving.store(pack).await?;
    }
    Ok(moving.repacked)
}

/// What became of a frame, and the pack that it found full.
enum Step {
    Moved(FrameRef, Option<ClosedPack>),
    Damaged(Damage),
}

/// Which frames of the run do not have their hash any more.
fn check(run: &Run, row: &[u8]) -> Vec<bool> {
    run.split(row).into_par_iter().map(|(frame, bytes)| FrameHash::of(bytes) != frame.frame).collect()
}

fn fill(packer: &Mutex<Packer>, run: &Run, row: &[u8], faults: Vec<bool>) -> Result<Vec<Step>, FillError> {
    let mut packer = packer.lock().unwrap_or_else(PoisonError::into_inner);
    let mut steps = Vec::with_capacity(faults.len());
    for ((frame, bytes), fault) in run.split(row).into_iter().zip(faults) {
        if fault {
            steps.push(Step::Damaged(Damage::of(frame, Fault::FrameHash)));
            continue;
        }
        let FrameRef { chunk, frame: hash, raw_len, stored_len, .. } = *frame;
        let (_, full) = packer.push(PackEntry { chunk, frame: hash, raw_len, stored_len }, bytes)?;
        steps.push(Step::Moved(*frame, full));
    }
    Ok(steps)
}

struct Moving<'a> {
    bucket: &'a Bucket,
    index: &'a dyn ChunkIndex,
    /// The old places of the frames in the pack under way.
    old: Vec<(PackId, u32)>,
    repacked: Repacked,
}

impl Moving<'_> {
    async fn step(&mut self, step: Step) -> Result<(), RepackError> {
        match step {
            Step::Damaged(damage) => self.repacked.damaged.push(damage),
            Step::Moved(frame, full) => {
                if let Some(pack) = full {
                    self.store(pack).await?;
                }
                self.old.push((frame.pack, frame.offset));
            }
        }
        Ok(())
    }

    async fn store(&mut self, pack: ClosedPack) -> Result<(), RepackError> {
        let (_, frames) = pack.store(self.bucket, self.index).await?;
        self.repacked.moved.extend(self.old.drain(..).zip(frames));
        Ok(())
    }
}
