//! The thread that takes the source apart into batches of chunks.

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

use super::batch::Batch;
use super::unfold::Unfolder;
use super::{IngestError, Options, Plan};
use crate::chunker::{Cutter, Layout};
use crate::spares::Spares;

/// Where batches go; closed when nobody wants more.
struct Batches {
    to: Sender<Result<Batch, IngestError>>,
    batch: Batch,
    spares: Spares,
    largest: usize,
    closed: bool,
}

impl Batches {
    fn push(&mut self, chunk: &[u8]) {
        self.batch.push(chunk);
        if self.batch.is_full() {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::new(&self.spares, self.largest));
        self.closed = self.closed || self.to.blocking_send(Ok(batch)).is_err();
    }
}

/// Cuts the source that arrives in pieces until it ends or nobody wants more batches. An error is the last thing
/// that is sent. Holds a batch, a chunk and, beside the window, 256 KiB of a compressed source.
pub(super) fn read(
    plan: Plan,
    options: &Options,
    mut pieces: Receiver<Bytes>,
    to: Sender<Result<Batch, IngestError>>,
) {
    let largest = options.params.max() as usize;
    let spares = Spares::default();
    let batch = Batch::new(&spares, largest);
    let mut batches = Batches { to, batch, spares, largest, closed: false };
    let next = || pieces.blocking_recv();
    if let Err(error) = cut(plan, options, next, &mut batches) {
        // Nobody wants to know when the ingest was dropped.
        let _ = batches.to.blocking_send(Err(error));
    } else if batches.batch.len() > 0 {
        batches.send();
    }
}

fn cut(
    plan: Plan,
    options: &Options,
    mut next: impl FnMut() -> Option<Bytes>,
    batches: &mut Batches,
) -> Result<(), IngestError> {
    let layout = match plan {
        Plan::Plain => Layout::Plain,
        Plan::ZstdTar => Layout::Tar,
    };
    let mut cutter = Cutter::new(options.params, layout);
    let mut push = |bytes: &[u8]| {
        cutter.push(bytes, &mut |chunk| batches.push(chunk)).map_err(IngestError::NotATar)?;
        Ok(!batches.closed)
    };
    match plan {
        Plan::Plain => {
            while let Some(piece) = next() {
                if !push(&piece)? {
                    break;
                }
            }
        }
        Plan::ZstdTar => Unfolder::new(next, options.guards).run(push)?,
    }
    cutter.finish(&mut |chunk| batches.push(chunk)).map_err(IngestError::NotATar)
}
