//! The NAR of one path as it comes, for who reads it and writes to no store.

use std::io::{self, Read};
use std::sync::Arc;
use std::vec;

use snowbank_cas::frame::FrameError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::PackSource;
use super::index::Frame;
use super::opener::Opener;
use super::reader::{Part, Reader};
use super::report::Reason;
use super::window::{Cutter, Frames, Queue};
use crate::snapshot::Recipe;

/// Bytes of frames of a window. One is read, one waits, one is fetched, each with a quarter more for the gaps between its
/// frames: 23 MiB for a NAR at the most.
const SIZE: u64 = 6 << 20;

/// Windows that wait.
const WAITING: usize = 1;

/// Why a NAR ends early.
#[derive(Debug, thiserror::Error)]
#[error("it is {reason}: {why}")]
struct Broken {
    reason: Reason,
    why: String,
}

/// A window that was fetched.
struct Fetched {
    frames: Vec<Frame>,
    parts: Vec<Part>,
}

/// A NAR, each chunk of which is checked by its hash before any of it is handed on. Holds what [`SIZE`] says, and a chunk.
/// For threads that may wait.
pub(crate) struct Nar<P: PackSource> {
    reader: Arc<Reader<P>>,
    windows: mpsc::Receiver<Fetched>,
    frames: vec::IntoIter<Frame>,
    parts: Vec<Part>,
    opener: Opener,
    /// What of the opener's chunk is yet to be handed on.
    left: usize,
    handle: Handle,
    _fetching: AbortOnDropHandle<()>,
}

/// The frames of one path.
struct Only<'a, P: PackSource> {
    reader: &'a Reader<P>,
    recipe: &'a Recipe,
}

impl<P: PackSource> Frames for Only<'_, P> {
    fn is_wanted(&self, _: usize) -> bool {
        true
    }

    fn frame(&self, _: usize, run: usize, at: u32) -> Option<(Frame, bool)> {
        self.reader.packs.frame(self.recipe, run, at)
    }
}

impl<P: PackSource> Nar<P> {
    /// Begins to fetch what a recipe names, all of which must be in packs that the reader has found.
    ///
    /// # Errors
    /// When there is no memory to decompress with.
    pub(crate) fn begin(reader: Arc<Reader<P>>, recipe: Recipe, handle: &Handle) -> Result<Self, FrameError> {
        let (sender, windows) = mpsc::channel(WAITING);
        let opener = Opener::new(true)?;
        let fetching = handle.spawn(fetch(Arc::clone(&reader), recipe, sender));
        Ok(Self {
            reader,
            windows,
            frames: Vec::new().into_iter(),
            parts: Vec::new(),
            opener,
            left: 0,
            handle: handle.clone(),
            _fetching: AbortOnDropHandle::new(fetching),
        })
    }

    /// The next frame; none at the end.
    fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.next() {
                return Some(frame);
            }
            self.parts.clear();
            let fetched = self.windows.blocking_recv()?;
            (self.frames, self.parts) = (fetched.frames.into_iter(), fetched.parts);
        }
    }
}

impl<P: PackSource> Read for Nar<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some(frame) = self.next() else { return Ok(0) };
            let _within = self.handle.enter();
            let chunk = self.opener.open(&self.reader, &frame, &self.parts);
            self.left = chunk.map_err(|(reason, why)| io::Error::other(Broken { reason, why }))?.len();
        }
        let chunk = self.opener.chunk();
        let rest = &chunk[chunk.len() - self.left..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.left -= count;
        Ok(count)
    }
}

async fn fetch<P: PackSource>(reader: Arc<Reader<P>>, recipe: Recipe, sender: mpsc::Sender<Fetched>) {
    let queue = Queue::new([(0, 0)]);
    let mut cutter = Cutter::new(&queue, SIZE, Only { reader: &reader, recipe: &recipe });
    loop {
        let bites = cutter.next();
        if bites.is_empty() {
            return;
        }
        let parts = reader.fetch(&bites, SIZE).await;
        let frames = bites.into_iter().flat_map(|bite| bite.frames).collect();
        if sender.send(Fetched { frames, parts }).await.is_err() {
            return;
        }
    }
}
