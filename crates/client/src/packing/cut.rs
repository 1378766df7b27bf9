//! A path into chunks: one thread reads, hashes and cuts, and hands on batches.

use std::io::{self, Write};

use snowbank_cas::chunker::{Cutter, Layout as CutLayout, Params};
use snowbank_nix::hash::{NarHash, NarHasher};
use snowbank_nix::nar::{self, DumpError, Layout};

/// Bytes of chunks after which a batch is handed on.
const BATCH: usize = 4 << 20;

/// Chunks of a stream, one behind the other in one buffer: at most 4 MiB and one chunk.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// How many chunks there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The chunk at `place`.
    pub(crate) fn chunk(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[place]]
    }

    /// The same buffer, empty.
    pub(crate) fn cleared(mut self) -> Self {
        self.bytes.clear();
        self.ends.clear();
        self
    }

    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        self.ends.push(self.bytes.len());
    }
}

/// Where batches go. False from `put` says that nobody wants more.
pub(crate) trait Batches {
    /// An empty batch, an old one's buffer where there is one.
    fn fresh(&mut self) -> Batch;
    /// Takes the next batch.
    fn put(&mut self, batch: Batch) -> bool;
}

/// What a path's NAR turned out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Its hash, if that was wanted.
    pub(crate) hash: Option<NarHash>,
    pub(crate) size: u64,
}

/// Reads what is at `path`, cuts its NAR where content and the larger files of it end, and says what the NAR's size is, and
/// its hash where that is wanted. Holds a batch, a chunk, and 256 KiB of content.
///
/// # Errors
/// When something cannot be read, or nobody wants more.
pub(crate) fn cut(
    path: &std::path::Path,
    params: Params,
    hash: bool,
    to: &mut impl Batches,
) -> Result<Cut, DumpError> {
    let batch = to.fresh();
    let tap = Tap {
        hasher: hash.then(NarHasher::default),
        size: 0,
        layout: Layout::new(u64::from(params.file_threshold())),
        cutter: Cutter::new(params, CutLayout::Plain),
        out: Out { batch, to },
    };
    let Tap { hasher, size, cutter, mut out, .. } = nar::dump(path, tap)?;
    let rest = cutter.finish(&mut |chunk| out.chunk(chunk));
    rest.map_err(|error| unwritten(path, io::Error::other(error)))?;
    if out.batch.len() > 0 {
        out.send().map_err(|error| unwritten(path, error))?;
    }
    Ok(Cut { hash: hasher.map(|hasher| hasher.finish().0), size })
}

fn unwritten(path: &std::path::Path, error: io::Error) -> DumpError {
    DumpError::Write { path: path.to_owned(), error: nar::WriteError::Io(error) }
}

/// Takes the bytes of a NAR.
struct Tap<'a, B> {
    hasher: Option<NarHasher>,
    size: u64,
    layout: Layout,
    cutter: Cutter,
    out: Out<'a, B>,
}

struct Out<'a, B> {
    batch: Batch,
    to: &'a mut B,
}

impl<B: Batches> Out<'_, B> {
    fn chunk(&mut self, chunk: &[u8]) {
        self.batch.push(chunk);
    }

    fn send(&mut self) -> io::Result<()> {
        let next = self.to.fresh();
        let full = std::mem::replace(&mut self.batch, next);
        if self.to.put(full) { Ok(()) } else { Err(io::Error::other("the save has ended")) }
    }
}

impl<B: Batches> Write for Tap<'_, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.iter_mut().for_each(|hasher| hasher.update(bytes));
        self.size += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = self.layout.advance(rest).map_err(io::Error::other)?;
            let (run, behind) = rest.split_at(step.len);
            // The cutter knows of no tar, so it finds no fault.
            let out = &mut self.out;
            self.cutter.push(run, &mut |chunk| out.chunk(chunk)).map_err(io::Error::other)?;
            if step.cut {
                self.cutter.boundary(&mut |chunk| out.chunk(chunk));
            }
            rest = behind;
            if self.out.batch.bytes() >= BATCH {
                self.out.send()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
