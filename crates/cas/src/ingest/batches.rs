//! The way from the thread that cuts to the rest of the pipeline.

use tokio::sync::mpsc::Sender;

use super::IngestError;
use super::batch::Batch;
use crate::spares::Spares;

/// Where chunks go. Holds a batch.
pub(super) struct Batches {
    to: Sender<Result<Batch, IngestError>>,
    batch: Batch,
    spares: Spares,
    largest: usize,
    closed: bool,
}

impl Batches {
    /// Into `to`, of chunks of at most `largest` bytes.
    pub(super) fn new(to: Sender<Result<Batch, IngestError>>, largest: usize) -> Self {
        let spares = Spares::default();
        let batch = Batch::new(&spares, largest);
        Self { to, batch, spares, largest, closed: false }
    }

    /// Takes the next chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.batch.push(chunk);
        if self.batch.is_full() {
            self.send();
        }
    }

    /// Whether nobody wants more of them: the ingest has failed or was dropped.
    pub(super) const fn closed(&self) -> bool {
        self.closed
    }

    /// Sends what is left.
    pub(super) fn finish(mut self) {
        if self.batch.len() > 0 {
            self.send();
        }
    }

    /// Sends `error` instead of what is left.
    pub(super) fn fail(self, error: IngestError) {
        // Nobody wants to know when the ingest was dropped.
        let _ = self.to.blocking_send(Err(error));
    }

    fn send(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::new(&self.spares, self.largest));
        self.closed = self.closed || self.to.blocking_send(Ok(batch)).is_err();
    }
}
