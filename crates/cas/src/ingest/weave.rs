//! The part of the pipeline that turns batches of chunks into rows of frames, new and known.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender};

use super::batch::Batch;
use super::compress::{Compressed, Compressor, hash};
use super::tally::Tally;
use super::{IngestError, Ingested, Options};
use crate::bucket::Bucket;
use crate::id::{ChunkHash, PackId};
use crate::index::ChunkIndex;
use crate::packer::{ClosedPack, FillError, Packer};
use crate::recipe::{FrameRef, PAGE_FRAMES};
use crate::work::blocking;

/// So many frames of the recipe may wait for a pack to be stored; then it is closed, full or not. They take 8 MiB.
const WAITING: usize = 64 * PAGE_FRAMES;

/// A frame of the recipe. Its pack's number is not known yet when `new` says which of this ingest's packs it is.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) frame: FrameRef,
    pub(super) new: Option<usize>,
}

/// What goes on to be stored, in order.
pub(super) enum Message {
    Pack(ClosedPack),
    Row(Vec<Placed>),
}

/// Decides what is new, compresses it and fills packs.
pub(super) struct Weaver<'a> {
    index: &'a dyn ChunkIndex,
    compressor: Arc<Compressor>,
    packer: Arc<Mutex<Packer>>,
    /// Chunks in packs that the index does not know yet: of at most a few packs.
    pending: HashMap<ChunkHash, Placed>,
    /// How many packs the index knows by now.
    stored: &'a AtomicUsize,
    /// How many of them `pending` is free of.
    forgotten: usize,
    /// Frames of the recipe since the pack under way was begun.
    waiting: usize,
    tally: Tally,
    to: Sender<Message>,
}

impl<'a> Weaver<'a> {
    pub(super) fn new(
        bucket: &Bucket,
        index: &'a dyn ChunkIndex,
        options: &Options,
        stored: &'a AtomicUsize,
        to: Sender<Message>,
    ) -> Self {
        Self {
            index,
            compressor: Compressor::new(options.level),
            packer: Arc::new(Mutex::new(Packer::new(bucket, options.pack_size))),
            pending: HashMap::new(),
            stored,
            forgotten: 0,
            waiting: 0,
            tally: Tally::default(),
            to,
        }
    }

    /// Takes batches until there are no more.
    pub(super) async fn run(
        mut self,
        mut batches: Receiver<Result<Batch, IngestError>>,
    ) -> Result<Ingested, IngestError> {
        while let Some(batch) = batches.recv().await {
            self.weave(Arc::new(batch?)).await?;
        }
        self.close_pack().await?;
        Ok(self.tally.finish())
    }

    async fn weave(&mut self, batch: Arc<Batch>) -> Result<(), IngestError> {
        let hashes = hash(&batch).await;
        let mut known = self.look_up(&hashes).await?;
        let mut missing = Vec::new();
        let mut seen = HashSet::new();
        for (place, hash) in hashes.iter().enumerate() {
            if !known.contains_key(hash) && seen.insert(*hash) {
                missing.push((place, *hash));
            }
        }
        if !missing.is_empty() {
            let frames = self.compressor.compress(&batch, missing).await?;
            for placed in self.pack(frames).await? {
                self.tally.new_frame(&placed.frame);
                self.pending.insert(placed.frame.chunk, placed);
                known.insert(placed.frame.chunk, placed);
            }
        }
        let row: Vec<_> = hashes.iter().filter_map(|hash| known.get(hash).copied()).collect();
        row.iter().for_each(|placed| self.tally.frame(&placed.frame));
        self.waiting += row.len();
        self.send(Message::Row(row)).await;
        if self.waiting >= WAITING {
            self.close_pack().await?;
        }
        Ok(())
    }

    /// Which of these chunks are stored or about to be.
    async fn look_up(&mut self, hashes: &[ChunkHash]) -> Result<HashMap<ChunkHash, Placed>, IngestError> {
        // Read before the index is asked: what is forgotten here the index finds.
        let stored = self.stored.load(Ordering::Acquire);
        if stored > self.forgotten {
            self.pending.retain(|_, placed| placed.new.is_some_and(|pack| pack >= stored));
            self.forgotten = stored;
        }
        let mut known = HashMap::new();
        let (mut asked, mut seen) = (Vec::new(), HashSet::new());
        for hash in hashes {
            if let Some(placed) = self.pending.get(hash) {
                known.insert(*hash, *placed);
            } else if seen.insert(*hash) {
                asked.push(*hash);
            }
        }
        if !asked.is_empty() {
            let found = self.index.find(&asked).await?;
            known.extend(found.into_iter().flatten().map(|frame| (frame.chunk, Placed { frame, new: None })));
        }
        Ok(known)
    }

    /// Puts new frames into packs.
    async fn pack(&mut self, frames: Vec<Compressed>) -> Result<Vec<Placed>, IngestError> {
        let packer = Arc::clone(&self.packer);
        let (placed, closed) = blocking(move || fill(&mut lock(&packer), &frames)).await?;
        for pack in closed {
            self.waiting = 0;
            self.send(Message::Pack(pack)).await;
        }
        Ok(placed)
    }

    async fn close_pack(&mut self) -> Result<(), IngestError> {
        let packer = Arc::clone(&self.packer);
        let closed = blocking(move || lock(&packer).close()).await?;
        self.waiting = 0;
        if let Some(pack) = closed {
            self.send(Message::Pack(pack)).await;
        }
        Ok(())
    }

    async fn send(&self, message: Message) {
        // The other end is gone only when it has failed, which ends the ingest.
        let _ = self.to.send(message).await;
    }
}

fn lock(packer: &Mutex<Packer>) -> MutexGuard<'_, Packer> {
    packer.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fill(packer: &mut Packer, frames: &[Compressed]) -> Result<(Vec<Placed>, Vec<ClosedPack>), FillError> {
    let (mut placed, mut closed) = (Vec::with_capacity(frames.len()), Vec::new());
    for Compressed { entry, frame } in frames {
        let (offset, full) = packer.push(*entry, frame)?;
        closed.extend(full);
        let frame = FrameRef {
            chunk: entry.chunk,
            frame: entry.frame,
            raw_len: entry.raw_len,
            stored_len: entry.stored_len,
            pack: PackId(0),
            offset,
        };
        placed.push(Placed { frame, new: Some(packer.current()) });
    }
    Ok((placed, closed))
}
