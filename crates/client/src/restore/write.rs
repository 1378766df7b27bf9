//! The thread of a lane: frames to chunks, chunks to files.

use snowbank_nix::hash::NarHasher;
use tokio::sync::mpsc;

use super::PackSource;
use super::lane::Fetched;
use super::opener::Opener;
use super::reader::Part;
use super::report::{Reason, Stopped};
use super::shared::Shared;
use super::window::Bite;
use super::writer::{NarSink, Writer};
use crate::observer::Stage;
use crate::text;

/// A path that is being written.
struct Open<S> {
    job: usize,
    sink: S,
    hasher: Option<NarHasher>,
}

/// Writes windows as they come. Holds the window, a decoder and one chunk.
pub(super) fn write<W: Writer, P: PackSource>(shared: &Shared<W, P>, mut windows: mpsc::Receiver<Fetched>) {
    let opener = match Opener::new(shared.options.verify_chunks) {
        Ok(opener) => opener,
        Err(error) => return shared.end(Stopped::Store(text::chain(&error))),
    };
    let mut bench = Bench { shared, opener, open: None };
    while let Some(window) = windows.blocking_recv() {
        for bite in &window.bites {
            if shared.is_over() {
                return;
            }
            bench.bite(bite, &window.parts);
        }
    }
}

struct Bench<'a, W: Writer, P: PackSource> {
    shared: &'a Shared<W, P>,
    opener: Opener,
    open: Option<Open<W::Sink>>,
}

impl<W: Writer, P: PackSource> Bench<'_, W, P> {
    fn bite(&mut self, bite: &Bite, parts: &[Part]) {
        let job = bite.job;
        if bite.begins {
            self.open = self.begin(job);
        }
        let Some(mut open) = self.open.take_if(|open| open.job == job) else { return };
        // What was given up meanwhile goes: its sink removes what it made.
        if !self.shared.ledger.is_wanted(job) {
            return;
        }
        for frame in &bite.frames {
            if self.shared.is_over() {
                return;
            }
            let chunk = match self.opener.open(&self.shared.reader, frame, parts) {
                Ok(chunk) => chunk,
                Err(loss) => return self.shared.miss(job, &loss),
            };
            if let Some(hasher) = &mut open.hasher {
                hasher.update(chunk);
            }
            if let Err(error) = open.sink.write(chunk) {
                return self.shared.refused(job, &error);
            }
            self.shared.wrote(Stage::Write, chunk.len() as u64);
        }
        if bite.ends { self.finish(open) } else { self.open = Some(open) }
    }

    fn begin(&self, job: usize) -> Option<Open<W::Sink>> {
        if !self.shared.ledger.is_wanted(job) {
            return None;
        }
        let hasher = self.shared.options.verify_nar.then(NarHasher::default);
        match self.shared.writer.begin(&self.shared.jobs[job].info) {
            Ok(sink) => Some(Open { job, sink, hasher }),
            Err(error) => {
                self.shared.miss(job, &(Reason::Refused, text::chain(&error)));
                None
            }
        }
    }

    fn finish(&self, Open { job, sink, hasher }: Open<W::Sink>) {
        if let Some(hasher) = hasher {
            let info = &self.shared.jobs[job].info;
            let (hash, size) = hasher.finish();
            if hash != info.nar_hash || size != info.nar_size {
                drop(sink);
                let why = format!("its archive has the hash {hash} instead of {}", info.nar_hash);
                return self.shared.miss(job, &(Reason::Damaged, why));
            }
        }
        match sink.finish() {
            Ok(()) => self.shared.done(Stage::Write, job),
            Err(error) => self.shared.refused(job, &error),
        }
    }
}
