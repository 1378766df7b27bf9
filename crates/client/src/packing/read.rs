//! Reading paths on all processors: readers hash and cut, workers compress what is new.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use snowbank_cas::chunker::Params;
use snowbank_cas::frame::{Encoder, FrameError};
use snowbank_cas::id::{ChunkHash, FrameHash};
use snowbank_cas::pack::PackEntry;
use snowbank_nix::hash::NarHash;
use tokio::sync::mpsc::Sender;

use super::cut::{Batch, Batches, Cut, cut};
use super::fits::fits;
use super::shelf::{ClosedPack, Shelf, ShelfError};
use crate::observer::{Event, Observer, Stage};
use crate::text;

/// Readers at once, at most, and one for every two processors: each fills a pack of its own.
const READERS: usize = 4;

/// Workers at once. With them a save holds at most 26 batches of 5 MiB, and the frames of 16 of them.
const WORKERS: usize = 16;

/// Why something is left that would take more than the packs may.
const NO_ROOM: &str = "its new content is larger than what may still be stored";

/// Something to read.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// Its NAR as somebody has written down.
    pub(crate) nar_hash: NarHash,
    /// Bytes of its NAR.
    pub(crate) nar_size: u64,
}

/// What became of an item.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its chunks, in order; all of them are on the shelf.
    Read(Vec<ChunkHash>),
    /// Why it cannot be saved.
    Left(String),
}

/// Reading has ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A pack cannot be made.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A chunk cannot be compressed.
    #[error("compressing failed")]
    Frame(#[from] FrameError),
    /// Nobody takes the packs any more.
    #[error("the packs are not wanted any more")]
    Unwanted,
}

/// How to read.
pub(crate) struct Reading<'a> {
    pub(crate) items: &'a [Item],
    pub(crate) shelf: &'a Shelf,
    pub(crate) params: Params,
    /// Whether content is held against its hash; not where somebody else does.
    pub(crate) check: bool,
    pub(crate) level: i32,
    /// Where full packs go.
    pub(crate) packs: Sender<ClosedPack>,
    pub(crate) observer: &'a dyn Observer,
    /// Ends the reading when it is set; what was read is kept.
    pub(crate) stop: &'a AtomicBool,
    /// Ends it when it is set; nobody wants to know any more.
    pub(crate) dropped: &'a AtomicBool,
}

/// A batch on its way to a worker.
struct Job {
    reader: usize,
    item: usize,
    row: usize,
    batch: Batch,
}

/// The rows of chunks of an item, in the order in which workers came to them.
type Rows = Vec<(usize, Vec<ChunkHash>)>;

struct Shared<'a> {
    reading: &'a Reading<'a>,
    next: AtomicUsize,
    rows: Vec<Mutex<Rows>>,
    left: Vec<Mutex<Option<String>>>,
    spares: Mutex<Vec<Batch>>,
    failed: Mutex<Option<ReadError>>,
    over: AtomicBool,
}

/// Reads all items; waits for the disk, and for whoever takes the packs. The last packs stay open on the shelf.
///
/// # Errors
/// When packs cannot be made or are not wanted; what cannot be read is an [`Outcome`] of its own.
pub(crate) fn read(reading: &Reading<'_>) -> Result<Vec<Outcome>, ReadError> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let (to_workers, jobs) = sync_channel(2);
    let jobs = Mutex::new(jobs);
    let shared = Shared {
        reading,
        next: AtomicUsize::new(0),
        rows: reading.items.iter().map(|_| Mutex::default()).collect(),
        left: reading.items.iter().map(|_| Mutex::default()).collect(),
        spares: Mutex::default(),
        failed: Mutex::default(),
        over: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        for reader in 0..(processors / 2).clamp(1, READERS) {
            let to_workers = to_workers.clone();
            let shared = &shared;
            // Moved in: the workers end when the last reader has dropped its end.
            scope.spawn(move || shared.read(reader, &to_workers));
        }
        drop(to_workers);
        for _ in 0..processors.min(WORKERS) {
            scope.spawn(|| shared.work(&jobs));
        }
    });
    if let Some(error) = inner(shared.failed) {
        return Err(error);
    }
    let outcome = |(rows, left)| match inner(left) {
        Some(why) => Outcome::Left(why),
        None => {
            let mut rows: Rows = inner(rows);
            rows.sort_unstable_by_key(|(row, _)| *row);
            Outcome::Read(rows.into_iter().flat_map(|(_, chunks)| chunks).collect())
        }
    };
    Ok(shared.rows.into_iter().zip(shared.left).map(outcome).collect())
}

impl Shared<'_> {
    /// A reader: takes one item after the other.
    fn read(&self, reader: usize, to: &SyncSender<Job>) {
        let items = self.reading.items;
        loop {
            let item = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(Item { file, nar_hash, nar_size }) = items.get(item) else { return };
            if self.ended() {
                self.leave(item, "the save ended before it was read".to_owned());
                continue;
            }
            if !fits(&items[item], self.reading) {
                self.leave(item, NO_ROOM.to_owned());
                continue;
            }
            let mut batches = ToWorkers { shared: self, reader, item, row: 0, to };
            match cut(file, self.reading.params, self.reading.check, &mut batches) {
                Ok(Cut { hash: Some(hash), .. }) if hash != *nar_hash => {
                    self.leave(item, format!("its content has hash {hash} instead of {nar_hash}"));
                }
                Ok(Cut { size, .. }) if *nar_size != 0 && size != *nar_size => {
                    self.leave(item, format!("its NAR has {size} bytes instead of {nar_size}"));
                }
                Ok(_) => {}
                Err(error) => self.leave(item, text::chain(&error)),
            }
            self.reading.observer.tell(Event::Advance { stage: Stage::Read, bytes: 0, paths: 1 });
        }
    }

    /// A worker: takes one batch after the other.
    fn work(&self, jobs: &Mutex<Receiver<Job>>) {
        let mut encoder = None;
        loop {
            let job = lock(jobs).recv();
            let Ok(job) = job else { return };
            // The jobs are taken even after a failure: a reader may wait to hand one over.
            if self.over.load(Ordering::Relaxed) {
                continue;
            }
            if let Err(error) = self.pack(&job, &mut encoder) {
                self.over.store(true, Ordering::Relaxed);
                lock(&self.failed).get_or_insert(error);
            }
            let bytes = job.batch.bytes() as u64;
            self.reading.observer.tell(Event::Advance { stage: Stage::Read, bytes, paths: 0 });
            lock(&self.spares).push(job.batch.cleared());
        }
    }

    fn pack(&self, job: &Job, encoder: &mut Option<Encoder>) -> Result<(), ReadError> {
        let batch = &job.batch;
        let chunks: Vec<_> = (0..batch.len()).map(|at| ChunkHash::of(batch.chunk(at))).collect();
        let encoder = match encoder {
            Some(encoder) => encoder,
            None => encoder.insert(Encoder::new(self.reading.level)?),
        };
        let mut frames = Vec::new();
        for at in self.reading.shelf.missing(&chunks) {
            let (chunk, raw) = (chunks[at], batch.chunk(at));
            let frame = encoder.encode(raw)?;
            let (raw_len, stored_len) = (raw.len() as u32, frame.len() as u32);
            frames.push((PackEntry { chunk, frame: FrameHash::of(&frame), raw_len, stored_len }, frame));
        }
        let added = self.reading.shelf.add(job.reader, &frames)?;
        for pack in added.full {
            self.reading.packs.blocking_send(pack).map_err(|_| ReadError::Unwanted)?;
        }
        if added.refused {
            self.leave(job.item, NO_ROOM.to_owned());
        }
        lock(&self.rows[job.item]).push((job.row, chunks));
        Ok(())
    }

    fn leave(&self, item: usize, why: String) {
        lock(&self.left[item]).get_or_insert(why);
    }

    fn ended(&self) -> bool {
        [&self.over, self.reading.stop, self.reading.dropped]
            .into_iter()
            .any(|flag| flag.load(Ordering::Relaxed))
    }
}

struct ToWorkers<'a, 'b> {
    shared: &'a Shared<'b>,
    reader: usize,
    item: usize,
    row: usize,
    to: &'a SyncSender<Job>,
}

impl Batches for ToWorkers<'_, '_> {
    fn fresh(&mut self) -> Batch {
        lock(&self.shared.spares).pop().unwrap_or_default()
    }

    fn put(&mut self, batch: Batch) -> bool {
        let job = Job { reader: self.reader, item: self.item, row: self.row, batch };
        self.row += 1;
        self.to.send(job).is_ok() && !self.shared.ended()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
