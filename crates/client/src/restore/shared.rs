//! What all lanes share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snowbank_nix::store::Place;

use super::index::Loss;
use super::ledger::Ledger;
use super::plan::Job;
use super::reader::Reader;
use super::report::{Reason, Stopped};
use super::writer::{SinkError, Writer};
use super::{Options, PackSource, room};
use crate::observer::{Event, Observer, Stage};
use crate::text;

/// Written bytes after which is looked how much room there is.
const LOOK: u64 = 4 << 20;

/// What all lanes share.
pub(super) struct Shared<W, P: PackSource> {
    pub(super) jobs: Arc<[Job]>,
    pub(super) ledger: Ledger,
    pub(super) reader: Reader<P>,
    pub(super) writer: Arc<W>,
    pub(super) place: Place,
    pub(super) options: Options,
    pub(super) observer: Arc<dyn Observer>,
    /// The user's wish to end.
    pub(super) cancel: Arc<AtomicBool>,
    /// Set when nobody waits for the restore any more.
    pub(super) dropped: Arc<AtomicBool>,
    pub(super) stop: Mutex<Option<Stopped>>,
    pub(super) committing: Mutex<()>,
}

impl<W: Writer, P: PackSource> Shared<W, P> {
    /// Whether nothing more is to be done.
    pub(super) fn is_over(&self) -> bool {
        if self.cancel.load(Ordering::Relaxed) {
            self.end(Stopped::Cancelled);
        }
        self.dropped.load(Ordering::Relaxed) || lock(&self.stop).is_some()
    }

    /// Ends the restore, for this reason if it is the first.
    pub(super) fn end(&self, why: Stopped) {
        lock(&self.stop).get_or_insert(why);
    }

    pub(super) fn stopped(&self) -> Option<Stopped> {
        lock(&self.stop).clone()
    }

    /// Gives a path up and what needs it; nothing of them stays.
    pub(super) fn miss(&self, job: usize, (reason, why): &Loss) {
        for gone in self.ledger.miss(job, *reason, why) {
            self.writer.discard(&self.jobs[gone].info.path);
        }
    }

    /// What follows from a sink's refusal.
    pub(super) fn refused(&self, job: usize, error: &SinkError) {
        match error {
            SinkError::Content(_) => self.miss(job, &(Reason::Damaged, text::chain(error))),
            SinkError::Path(_) => self.miss(job, &(Reason::Refused, text::chain(error))),
            SinkError::Store(_) => self.end(Stopped::Store(text::chain(error))),
        }
    }

    /// Counts bytes of a NAR that were written.
    pub(super) fn wrote(&self, stage: Stage, bytes: u64) {
        self.observer.tell(Event::Advance { stage, bytes, paths: 0 });
        if self.reader.counters.written(bytes, LOOK)
            && let Ok(free) = room::free(&self.place.store())
            && free < self.options.min_free
        {
            self.end(Stopped::Room { free });
        }
    }

    /// Notes that a path is written, and registers what can be from time to time.
    pub(super) fn done(&self, stage: Stage, job: usize) {
        if !self.ledger.complete(job) {
            self.writer.discard(&self.jobs[job].info.path);
            return;
        }
        self.observer.tell(Event::Advance { stage, bytes: 0, paths: 1 });
        // Who finds another at it goes on.
        if self.ledger.is_due()
            && let Ok(turn) = self.committing.try_lock()
        {
            self.commit(&turn);
        }
    }

    /// Registers all that can be.
    pub(super) fn commit_all(&self) {
        self.commit(&lock(&self.committing));
    }

    fn commit(&self, _turn: &MutexGuard<'_, ()>) {
        let ready = self.ledger.ready();
        if ready.is_empty() {
            return;
        }
        let infos: Vec<_> = ready.iter().map(|&job| &self.jobs[job].info).collect();
        match self.writer.commit(&infos) {
            Ok(refused) => {
                let why = |job: usize| refused.iter().find(|(path, _)| *path == self.jobs[job].info.path);
                let (bad, good): (Vec<usize>, Vec<usize>) =
                    ready.into_iter().partition(|&job| why(job).is_some());
                self.ledger.registered(good);
                for job in bad {
                    let text = why(job).map(|(_, text)| text.clone()).unwrap_or_default();
                    self.miss(job, &(Reason::Refused, text));
                }
            }
            Err(error) => self.end(Stopped::Store(text::chain(&error))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
