//! Cutting that the caller leads.

use std::io;

use super::batches::Batches;
use crate::chunker::{Cutter, Layout, Params};

/// Takes the stream that is to be kept. Holds one chunk.
///
/// It is cut as [`Cutter`] cuts in [`Layout::Plain`]: by content, and at the boundaries that the caller names.
pub struct Cuts<'a> {
    cutter: Cutter,
    to: &'a mut Batches,
}

impl<'a> Cuts<'a> {
    pub(super) fn new(params: Params, to: &'a mut Batches) -> Self {
        Self { cutter: Cutter::new(params, Layout::Plain), to }
    }

    /// Goes on with the next bytes of the stream; where the slices lie makes no difference to the chunks.
    ///
    /// # Errors
    /// When the ingest has come to its end elsewhere, so that nobody wants more ([`io::ErrorKind::BrokenPipe`]).
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.cutter.push(bytes, &mut |chunk| self.to.push(chunk)).map_err(io::Error::other)?;
        if self.to.closed() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the ingest is over"));
        }
        Ok(())
    }

    /// A file that is worth chunks of its own begins or ends here.
    pub fn boundary(&mut self) {
        self.cutter.boundary(&mut |chunk| self.to.push(chunk));
    }

    pub(super) fn finish(mut self) {
        self.boundary();
    }
}
