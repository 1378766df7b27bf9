//! Restoring: what the store lacks of a snapshot is fetched, checked, written and registered, on all processors.
//!
//! A snapshot is a hint. A pack that is gone, a frame that is damaged, an upstream cache that is down cost the paths
//! that need them and what refers to those, and nothing else. Every byte is checked before it is registered: by the hash
//! of its chunk, which stands in a footer whose hash the index knows, and which was taken when the whole NAR was hashed.
//!
//! Memory: the windows of all lanes, 192 MiB together; the footers of the packs that are needed, some 80 bytes a frame
//! and 142 MiB at most; what upstream caches need to decompress; some hundred bytes for each path that is missing.

mod counters;
mod error;
mod fetch;
mod index;
mod lane;
mod ledger;
mod nar;
mod opener;
mod options;
mod plan;
mod reader;
mod report;
mod room;
mod rounds;
mod shared;
mod source;
#[cfg(test)]
mod tests;
mod trees;
mod upstream;
mod window;
mod write;
pub mod writer;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use snowbank_nix::store::{Place, Realisation};
use snowbank_nix::store_path::StorePath;

pub use error::RestoreError;
pub(crate) use index::Loss;
pub(crate) use nar::Nar;
pub use options::Options;
pub use report::{Miss, Paths, Reason, Report, Stopped};
pub use source::{CachePacks, PackSource};
pub use trees::{RestoreTrees, RestoredTrees};
pub use upstream::UpstreamSource;

use crate::observer::{Event, Observer, Stage};
use crate::snapshot::{Snapshot, Source};
use ledger::Ledger;
use plan::Job;
pub(crate) use plan::check;
pub(crate) use reader::Reader;
use rounds::{blocking, rounds};
use shared::Shared;
use writer::Writer;

/// What to restore, from where, and into what.
pub struct Restore<'a, W, P, U> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The paths that are to be restored with all that they need; none for all of the snapshot.
    pub roots: Option<&'a BTreeSet<StorePath>>,
    /// Where the store lies: its room is looked at.
    pub place: &'a Place,
    /// Who writes to the store.
    pub writer: &'a Arc<W>,
    /// Where packs come from.
    pub packs: &'a Arc<P>,
    /// Where the paths come from that are in no pack.
    pub upstream: &'a Arc<U>,
    /// How to go about it.
    pub options: &'a Options,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
    /// Ends the restore when it is set; what is complete then is registered.
    pub cancel: &'a Arc<AtomicBool>,
}

/// What was restored.
pub struct Restored<W> {
    /// What was done.
    pub report: Report,
    /// Keeps all that was wanted from the garbage collector until it is dropped.
    pub held: Arc<W>,
}

/// Tells threads that nobody waits for them any more.
struct Halt(Arc<AtomicBool>);

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<W: Writer, P: PackSource, U: UpstreamSource> Restore<'_, W, P, U> {
    /// Restores. Dropped on the way, it leaves a valid store: what is registered is complete, and what is not is removed
    /// as soon as the threads have noticed.
    ///
    /// # Errors
    /// When nothing can be restored: there is too little room, or the store cannot be written to. Paths that cannot be
    /// had are no error; the report tells of them, and so is the observer.
    pub async fn run(&self) -> Result<Restored<W>, RestoreError> {
        if self.snapshot.dir != *self.place.dir() {
            let (found, here) = (self.snapshot.dir.clone(), self.place.dir().clone());
            return Err(RestoreError::OtherStore { found, here });
        }
        let begun = Instant::now();
        let (wanted, absent) = plan::wanted(self.snapshot, self.roots);
        let (writer, kept) = (Arc::clone(self.writer), wanted.clone());
        let valid = blocking(move || writer.keep(&kept)).await??;
        let jobs = plan::jobs(self.snapshot, &wanted, &valid)?;
        let mut report = self.rest(jobs, begun).await?;
        for path in wanted.intersection(&valid) {
            if let Some(saved) = self.snapshot.paths.get(path) {
                report.found.add(&saved.info);
            }
        }
        for path in absent {
            let detail = "it was not saved".to_owned();
            report.missed.insert(path, Miss { reason: Reason::Absent, detail, through: None });
        }
        self.realise(&wanted).await?;
        report.warnings().into_iter().for_each(|text| self.observer.tell(Event::Warning(text)));
        Ok(Restored { report, held: Arc::clone(self.writer) })
    }

    async fn rest(&self, jobs: Vec<Job>, begun: Instant) -> Result<Report, RestoreError> {
        let mut report = Report::default();
        if jobs.is_empty() {
            report.looking = begun.elapsed();
            return Ok(report);
        }
        let shared = self.look(jobs).await?;
        report.looking = begun.elapsed();
        let dropped = Halt(Arc::clone(&shared.dropped));
        let begun = Instant::now();
        let restored = rounds(&shared, self.upstream).await;
        if restored.is_err() {
            // What threads are still at it end.
            drop(dropped);
        }
        let ending = Arc::clone(&shared);
        blocking(move || end(&ending)).await?;
        restored?;
        for stage in [Stage::Download, Stage::Write, Stage::Upstream] {
            self.observer.tell(Event::End { stage });
        }
        let (missed, sums) = shared.ledger.result();
        let (requests, downloaded, received) = shared.reader.counters.read();
        report.packs = (shared.reader.packs.found.len() + shared.reader.packs.lost.len()) as u64;
        report = Report { missed, requests, downloaded, received, stopped: shared.stopped(), ..report };
        (report.others, report.restored, report.upstream) = (sums.others, sums.packs, sums.upstream);
        report.writing = begun.elapsed();
        Ok(report)
    }

    /// Finds the packs, and leaves out what cannot be restored without them.
    async fn look(&self, jobs: Vec<Job>) -> Result<Arc<Shared<W, P>>, RestoreError> {
        let needed = plan::needed(&jobs);
        let (source, observer) = (Arc::clone(self.packs), Arc::clone(self.observer));
        let reader = Reader::open(source, &self.snapshot.packs, &needed, observer).await;
        let jobs: Arc<[Job]> = jobs.into();
        let shared = Arc::new(Shared {
            ledger: Ledger::new(Arc::clone(&jobs)),
            jobs,
            reader,
            writer: Arc::clone(self.writer),
            place: self.place.clone(),
            options: Options { lanes: self.options.lanes.max(1), ..self.options.clone() },
            observer: Arc::clone(self.observer),
            cancel: Arc::clone(self.cancel),
            dropped: Arc::default(),
            stop: Mutex::default(),
            committing: Mutex::default(),
        });
        let (mut stored, mut packed, mut fetched) = (0u64, Paths::default(), Paths::default());
        let mut good = Vec::new();
        for (number, job) in shared.jobs.iter().enumerate() {
            match check(&job.info, &job.source, &shared.reader.packs, &self.snapshot.dir) {
                Ok(bytes) => good.push((number, bytes)),
                // Nothing is claimed yet that could be given back.
                Err((reason, why)) => drop(shared.ledger.miss(number, reason, &why)),
            }
        }
        let waiting: BTreeSet<usize> = shared.ledger.waiting().into_iter().collect();
        for (number, bytes) in good.into_iter().filter(|(number, _)| waiting.contains(number)) {
            stored = stored.saturating_add(bytes);
            let job = &shared.jobs[number];
            let amount = if job.source == Source::Upstream { &mut fetched } else { &mut packed };
            amount.add(&job.info);
        }
        room::check(&self.place.store(), packed.bytes.saturating_add(fetched.bytes), self.options.min_free)?;
        let begin = |stage, bytes, paths| self.observer.tell(Event::Begin { stage, bytes, paths });
        begin(Stage::Download, stored, packed.count);
        begin(Stage::Write, packed.bytes, packed.count);
        begin(Stage::Upstream, fetched.bytes, fetched.count);
        Ok(shared)
    }

    async fn realise(&self, wanted: &BTreeSet<StorePath>) -> Result<(), RestoreError> {
        let ours = self.snapshot.realisations.iter().filter(|one| wanted.contains(&one.path));
        let ours: Vec<Realisation> = ours.cloned().collect();
        if ours.is_empty() {
            return Ok(());
        }
        let writer = Arc::clone(self.writer);
        Ok(blocking(move || writer.realise(&ours)).await??)
    }
}

/// Registers what is left and can be, and gives the rest up.
fn end<W: Writer, P: PackSource>(shared: &Shared<W, P>) {
    shared.commit_all();
    let why = match shared.stopped() {
        Some(Stopped::Room { free }) => format!("only {free} bytes are free"),
        Some(Stopped::Store(why)) => why,
        Some(Stopped::Cancelled) | None => "the restore was ended".to_owned(),
    };
    for job in shared.ledger.unfinished() {
        shared.miss(job, &(Reason::Stopped, why.clone()));
    }
}
