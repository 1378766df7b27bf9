//! The end of the pipeline: packs into the bucket, pages into the index.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::Receiver;

use super::IngestError;
use super::weave::{Message, Placed};
use crate::bucket::Bucket;
use crate::id::PackId;
use crate::index::ChunkIndex;
use crate::recipe::{PAGE_FRAMES, RecipePage};

/// Stores packs as they come, and adds each page when all packs that it names are stored.
pub(super) struct Shelf<'a> {
    bucket: &'a Bucket,
    index: &'a dyn ChunkIndex,
    stored: &'a AtomicUsize,
    /// The numbers of this ingest's packs.
    packs: Vec<PackId>,
    waiting: VecDeque<Placed>,
    page: RecipePage,
    number: u32,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(bucket: &'a Bucket, index: &'a dyn ChunkIndex, stored: &'a AtomicUsize) -> Self {
        let page = RecipePage { raw_start: 0, stored_start: 0, frames: Vec::new() };
        Self { bucket, index, stored, packs: Vec::new(), waiting: VecDeque::new(), page, number: 0 }
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
        if !self.page.frames.is_empty() {
            self.add_page().await?;
        }
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
            self.page.frames.push(frame);
            if self.page.frames.len() == PAGE_FRAMES {
                self.add_page().await?;
            }
        }
        Ok(())
    }

    async fn add_page(&mut self) -> Result<(), IngestError> {
        self.index.add_page(self.number, &self.page).await?;
        self.number += 1;
        self.page.raw_start += self.page.raw_len();
        self.page.stored_start += self.page.stored_len();
        self.page.frames.clear();
        Ok(())
    }
}
