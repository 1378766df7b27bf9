//! Lanes: each fetches windows ahead, and decompresses, checks and writes them on a thread of its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use snowbank_cas::frame::Decoder;
use snowbank_cas::id::ChunkHash;
use snowbank_nix::store_path::StorePath;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, channel};

use super::ledger::Shared;
use super::needs::Needs;
use super::sink::Sink;
use super::supply::Supply;
use super::window::{Frames, Part, Window, Windows, fetch};
use super::{Miss, Restore, RestoreError};
use crate::observer::{Event, Observer, Stage};

/// Lanes at most.
const LANES: usize = 8;

/// Windows that a lane holds: two being fetched, one that waits, one in work.
const WINDOWS: u64 = 4;

/// Bytes of all windows of all lanes.
const MEMORY: u64 = 256 << 20;

/// Bytes of a window at most.
const WINDOW: u64 = 16 << 20;

/// Restores the claimed paths whose bytes are in packs.
pub(super) async fn run(
    restore: &Restore<'_>,
    needs: &Arc<Needs>,
    supply: &Arc<Supply>,
    ledger: &Arc<Shared>,
    claimed: &HashSet<StorePath>,
) -> Result<(), RestoreError> {
    let queue: Vec<_> = needs.places(claimed, false).collect();
    let next = AtomicUsize::new(0);
    let lanes = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, LANES);
    let size = (MEMORY / (lanes as u64 * WINDOWS)).min(WINDOW);
    let lane = || async {
        let (to_writer, windows) = channel(1);
        let worker = Worker {
            needs: Arc::clone(needs),
            supply: Arc::clone(supply),
            ledger: Arc::clone(ledger),
            observer: Arc::clone(restore.observer),
            verify_nar: restore.verify_nar,
            min_free: restore.min_free,
            place: restore.place.clone(),
        };
        let writing = tokio::task::spawn_blocking(move || worker.run(windows));
        let take = || queue.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        let windows = Windows::new(needs, supply, size, take);
        let mut fetched = std::pin::pin!(
            stream::iter(windows)
                .map(|window| async move {
                    let (frames, received) = fetch(supply, &window).await;
                    restore.observer.tell(Event::Advance {
                        stage: Stage::Download,
                        bytes: received,
                        paths: 0,
                    });
                    (window, frames, received)
                })
                .buffered(2)
        );
        while let Some((window, frames, received)) = fetched.next().await {
            ledger.downloaded(received);
            // The writer is gone only when it has panicked.
            if to_writer.send((window, frames)).await.is_err() {
                break;
            }
        }
        drop(to_writer);
        writing.await.map_err(|_| RestoreError::Lost)?
    };
    futures::future::try_join_all((0..lanes.min(queue.len())).map(|_| lane())).await?;
    Ok(())
}

/// Writes the windows of a lane.
struct Worker {
    needs: Arc<Needs>,
    supply: Arc<Supply>,
    ledger: Arc<Shared>,
    observer: Arc<dyn Observer>,
    verify_nar: bool,
    min_free: u64,
    place: snowbank_nix::store::Place,
}

impl Worker {
    fn run(self, mut windows: Receiver<(Window, Frames)>) -> Result<(), RestoreError> {
        let mut decoder = Decoder::new().map_err(|_| RestoreError::Lost)?;
        let mut chunk = Vec::new();
        // The path under way, or that it was given up.
        let mut sink: Option<Sink> = None;
        while let Some((window, frames)) = windows.blocking_recv() {
            let room = super::free(&self.place).is_none_or(|free| free >= self.min_free);
            for part in window.parts {
                let need = self.needs.get(part.need);
                if part.first {
                    sink = self.ledger.file(&need.info.path).map(|file| Sink::new(&file, self.verify_nar));
                }
                let Some(mut open) = sink.take() else { continue };
                let written = if room {
                    self.write(&part, &frames, &mut open, &mut decoder, &mut chunk)
                } else {
                    Err(Miss::Room)
                };
                match written {
                    Ok(()) if part.last => {
                        let done = open.finish(&need.info.nar_hash);
                        self.observer.tell(Event::Advance { stage: Stage::Write, bytes: 0, paths: 1 });
                        match done {
                            Ok(()) => self.ledger.done(&need.info.path, false)?,
                            Err(miss) => self.ledger.miss(&need.info.path, miss),
                        }
                    }
                    Ok(()) => sink = Some(open),
                    Err(miss) => self.ledger.miss(&need.info.path, miss),
                }
            }
        }
        Ok(())
    }

    fn write(
        &self,
        part: &Part,
        frames: &Frames,
        sink: &mut Sink,
        decoder: &mut Decoder,
        chunk: &mut Vec<u8>,
    ) -> Result<(), Miss> {
        for place in &part.frames {
            let (offset, entry) = self.supply.frame(*place).ok_or(Miss::Recipe)?;
            let frame = frames.get(place).cloned().unwrap_or_else(|| Err("it was not fetched".to_owned()));
            let frame = frame.map_err(Miss::Fetch)?;
            let mut good = |frame: &[u8]| {
                decoder.decode_into(frame, entry.raw_len, chunk).is_ok()
                    && ChunkHash::of(chunk) == entry.chunk
            };
            if !good(&frame) {
                // Once more, past whatever has damaged it on its way.
                let range = u64::from(offset)..u64::from(offset) + u64::from(entry.stored_len);
                let again =
                    Handle::current().block_on(self.supply.read(place.0, range)).map_err(Miss::Fetch)?;
                if !good(&again) {
                    return Err(Miss::Damaged("a chunk has another hash".to_owned()));
                }
            }
            sink.write(chunk)?;
            self.observer.tell(Event::Advance { stage: Stage::Write, bytes: chunk.len() as u64, paths: 0 });
        }
        Ok(())
    }
}
