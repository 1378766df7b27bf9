//! A pull: what is missing comes, is checked and is written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_cas::chunker::Params;
use snowbank_nix::store_path::StorePath;

use super::check::Checked;
use super::laid::Laid;
use super::local::{Local, Search};
use super::planned::blocking;
use super::report::{Pulled, Report, united};
use super::source::{Counts, PulledPacks};
use super::{Planned, PlannedPath, PullError};
use crate::observer::{Event, Observer};
use crate::restore::writer::Writer;
use crate::restore::{self, Options, Reason, Restore};
use crate::snapshot::Snapshot;

/// How what was planned is brought.
pub struct Fetch<'a, W> {
    /// What was planned.
    pub planned: &'a Planned,
    /// What was asked for.
    pub roots: &'a BTreeSet<StorePath>,
    /// Who writes to the store.
    pub writer: &'a Arc<W>,
    /// Where the paths come from of which there are no frames: the cache itself, then upstream caches.
    pub upstreams: &'a Arc<Upstreams>,
    /// How to go about it; the hash of every NAR is checked in any case.
    pub options: &'a Options,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
    /// Ends it when it is set; what is complete then is registered.
    pub cancel: &'a Arc<AtomicBool>,
}

impl<W: Writer> Fetch<'_, W> {
    /// Pulls. Paths that cannot be had are no error; the report tells of them.
    ///
    /// # Errors
    /// When nothing can be written.
    pub async fn run(&self) -> Result<Pulled, PullError> {
        let writer = Checked { writer: Arc::clone(self.writer), unproven: self.planned.unproven.clone() };
        let (writer, counts) = (Arc::new(writer), Arc::<Counts>::default());
        let local = self.look().await?;
        let found_any = !local.chunks.is_empty();
        let mut report = self.once(&writer, Arc::new(local), &counts).await?;
        let doubtful = |miss: &restore::Miss| matches!(miss.reason, Reason::Damaged | Reason::Lost);
        if found_any && report.stopped.is_none() && report.missed.values().any(doubtful) {
            let text = "local files were not what they should be: what they were to give is downloaded";
            self.observer.tell(Event::Warning(text.to_owned()));
            let again = self.once(&writer, Arc::default(), &counts).await?;
            report = united(&report, again);
        }
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let (downloaded, local) = (read(&counts.downloaded), read(&counts.local));
        Ok(Pulled { report: Report { restore: report, downloaded, local }, held: Box::new(writer) })
    }

    /// Looks for chunks in local files.
    async fn look(&self) -> Result<Local, PullError> {
        let planned = self.planned;
        // Most paths of a system have no file that is large enough.
        let threshold = Params::default().file_threshold();
        let large = |path: &&PlannedPath| path.frames.iter().any(|frame| frame.raw_len >= threshold);
        let names = planned.paths.values().filter(large).map(|path| path.info.path.name());
        let candidates = planned.here.named(names);
        if candidates.is_empty() {
            return Ok(Local::default());
        }
        let frames = planned.paths.values().flat_map(|path| &path.frames);
        let search = Search {
            paths: candidates.iter().map(|path| planned.place.file(path)).collect(),
            wanted: frames.map(|frame| frame.chunk).collect(),
            observer: Arc::clone(self.observer),
            cancel: Arc::clone(self.cancel),
        };
        blocking(move || search.run()).await
    }

    async fn once(
        &self,
        writer: &Arc<Checked<W>>,
        local: Arc<Local>,
        counts: &Arc<Counts>,
    ) -> Result<restore::Report, PullError> {
        let (snapshot, packs) = self.snapshot(local, counts);
        let options = Options { verify_nar: true, verify_chunks: false, ..self.options.clone() };
        let restore = Restore {
            snapshot: &snapshot,
            roots: Some(self.roots),
            place: &self.planned.place,
            writer,
            packs: &Arc::new(packs),
            upstream: self.upstreams,
            options: &options,
            observer: self.observer,
            cancel: self.cancel,
        };
        Ok(restore.run().await?.report)
    }

    /// All of it as if it had been saved.
    fn snapshot(&self, local: Arc<Local>, counts: &Arc<Counts>) -> (Snapshot, PulledPacks) {
        let planned = self.planned;
        let upstream = planned.elsewhere.values().chain(planned.valid.iter());
        let source = Laid { site: &planned.site, local, counts: Arc::clone(counts) };
        source.out(planned.place.dir(), planned.paths.values(), upstream)
    }
}
