//! The thread of a lane: frames to chunks, chunks to files.

use snowbank_cas::frame::Decoder;
use snowbank_cas::id::ChunkHash;
use snowbank_nix::hash::NarHasher;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::PackSource;
use super::index::{Frame, Loss};
use super::lane::{Fetched, Part};
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
    let decoder = match Decoder::new() {
        Ok(decoder) => decoder,
        Err(error) => return shared.end(Stopped::Store(text::chain(&error))),
    };
    let mut bench = Bench { shared, decoder, chunk: Vec::new(), open: None };
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
    decoder: Decoder,
    chunk: Vec<u8>,
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
            if let Err(loss) = self.fill(frame, parts) {
                return self.shared.miss(job, &loss);
            }
            if let Some(hasher) = &mut open.hasher {
                hasher.update(&self.chunk);
            }
            if let Err(error) = open.sink.write(&self.chunk) {
                return self.shared.refused(job, &error);
            }
            self.shared.wrote(Stage::Write, self.chunk.len() as u64);
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

    /// Puts the chunk of `frame` into the buffer. What is damaged is fetched once more, by itself.
    fn fill(&mut self, frame: &Frame, parts: &[Part]) -> Result<(), Loss> {
        if self.decode(frame, find(frame, parts)?).is_ok() {
            return Ok(());
        }
        let range = frame.offset..frame.offset + frame.stored_len;
        let again = Handle::current().block_on(self.shared.read(frame.pack, range))?;
        self.decode(frame, &again).map_err(|why| (Reason::Damaged, why))
    }

    fn decode(&mut self, frame: &Frame, bytes: &[u8]) -> Result<(), String> {
        let decoded = self.decoder.decode_into(bytes, frame.raw_len, &mut self.chunk);
        decoded.map_err(|error| text::chain(&error))?;
        if ChunkHash::of(&self.chunk) == frame.chunk {
            Ok(())
        } else {
            Err("a chunk has another hash".to_owned())
        }
    }
}

/// The bytes of a frame among those that were fetched.
fn find<'a>(frame: &Frame, parts: &'a [Part]) -> Result<&'a [u8], Loss> {
    let behind = parts.partition_point(|part| (part.pack, part.start) <= (frame.pack, frame.offset));
    let lost = || (Reason::Damaged, "a frame was not fetched".to_owned());
    let part = behind.checked_sub(1).and_then(|at| parts.get(at)).ok_or_else(lost)?;
    let bytes = part.bytes.as_ref().map_err(Clone::clone)?;
    let start = (frame.offset - part.start) as usize;
    bytes.get(start..start + frame.stored_len as usize).ok_or_else(lost)
}
