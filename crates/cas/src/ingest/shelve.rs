//! The end of the pipeline: packs into the bucket, pages into the index.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::Receiver;

use super::IngestError;
use super::weave::{Message, Placed};
use super::writer::RecipeWriter;
use crate::bucket::Bucket;
use crate::id::PackId;
use crate::index::ChunkIndex;

/// Stores packs as they come, and adds each page when all packs that it names are stored.
pub(super) struct Shelf<'a> {
    bucket: &'a Bucket,
    index: &'a dyn ChunkIndex,
    stored: &'a AtomicUsize,
    /// The numbers of this ingest's packs.
    packs: Vec<PackId>,
    waiting: VecDeque<Placed>,
    writer: RecipeWriter<'a>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(bucket: &'a Bucket, index: &'a dyn ChunkIndex, stored: &'a AtomicUsize) -> Self {
        let writer = RecipeWriter::new(index);
        Self { bucket, index, stored, packs: Vec::new(), waiting: VecDeque::new(), writer }
    }

    /// Takes packs and rows until there are no more.
    pub(super) async fn run(mut self, mut messages: Receiver<Message>) -> Result<(), IngestError> {
        while let Some(message) = messages.recv().await {
            match message {
                Message::Pack(pack) => {
                    let (id, _) = pack.store(self.bucket, self.index).await?;
                    self.packs.push(id);
                    self.stored.store(self.packs.len(), Ordering::Release);
                }
                Message::Row(row) => self.waiting.extend(row),
            }
            self.settle().await?;
        }
        self.writer.finish().await?;
        Ok(())
    }

    /// Moves frames whose packs are stored into pages.
    async fn settle(&mut self) -> Result<(), IngestError> {
        while let Some(Placed { mut frame, new }) = self.waiting.front().copied() {
            if let Some(new) = new {
                let Some(pack) = self.packs.get(new) else { break };
                frame.pack = *pack;
            }
            self.waiting.pop_front();
            self.writer.push(frame).await?;
        }
        Ok(())
    }
}
