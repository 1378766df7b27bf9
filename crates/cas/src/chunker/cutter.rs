//! The cutter: slices in, chunks out.

use super::params::Params;
use super::scan::Scan;
use crate::tar::{Scanner, TarError};

/// What the stream is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Nothing: it is cut by content alone.
    Plain,
    /// A tar: cuts are forced at its larger files.
    Tar,
}

/// The stream cannot be cut as its layout demands. Chunks that were emitted before are those of a stream that
/// was misjudged: begin again with [`Layout::Plain`].
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The stream is no tar, or one that is damaged, lies or is of an unknown dialect.
    #[error("the stream cannot be cut at the files of a tar")]
    Tar(#[source] TarError),
}

/// Cuts one stream. Holds at most one chunk ([`Params::max`] bytes), and in a tar one extended header.
pub struct Cutter {
    scan: Scan,
    tar: Option<Scanner>,
    /// The beginning of the chunk under way, from slices that were pushed before.
    held: Vec<u8>,
}

impl Cutter {
    /// A cutter at the beginning of a stream.
    #[must_use]
    pub fn new(params: Params, layout: Layout) -> Self {
        Self {
            scan: Scan::new(params),
            tar: match layout {
                Layout::Plain => None,
                Layout::Tar => Some(Scanner::new(u64::from(params.file_threshold()))),
            },
            held: Vec::new(),
        }
    }

    /// Goes on with the next bytes of the stream and hands each chunk that they complete to `emit`, in order.
    /// Where the slices lie makes no difference to the chunks.
    ///
    /// # Errors
    /// In [`Layout::Tar`], when the stream is no acceptable tar; the cutter is then of no more use.
    pub fn push(&mut self, mut data: &[u8], emit: &mut dyn FnMut(&[u8])) -> Result<(), CutError> {
        let Some(mut tar) = self.tar.take() else {
            self.cut(data, emit);
            return Ok(());
        };
        while !data.is_empty() {
            let step = tar.advance(data).map_err(CutError::Tar)?;
            let (run, rest) = data.split_at(step.len);
            self.cut(run, emit);
            if step.cut {
                self.flush(emit);
            }
            data = rest;
        }
        self.tar = Some(tar);
        Ok(())
    }

    /// Ends the chunk under way here, for a caller who knows where in the stream a file begins or ends. Nothing
    /// happens when a chunk has just ended.
    pub fn boundary(&mut self, emit: &mut dyn FnMut(&[u8])) {
        self.flush(emit);
    }

    /// Ends the stream: hands over the last chunk, unless the stream ended with the one before.
    ///
    /// # Errors
    /// In [`Layout::Tar`], when the tar is not complete.
    pub fn finish(mut self, emit: &mut dyn FnMut(&[u8])) -> Result<(), CutError> {
        if let Some(tar) = self.tar.take() {
            tar.finish().map_err(CutError::Tar)?;
        }
        self.flush(emit);
        Ok(())
    }

    fn cut(&mut self, mut data: &[u8], emit: &mut dyn FnMut(&[u8])) {
        while let Some(end) = self.scan.find(data) {
            let (last, rest) = data.split_at(end);
            if self.held.is_empty() {
                emit(last);
            } else {
                self.held.extend_from_slice(last);
                emit(&self.held);
                self.held.clear();
            }
            data = rest;
        }
        self.held.extend_from_slice(data);
    }

    fn flush(&mut self, emit: &mut dyn FnMut(&[u8])) {
        self.scan.restart();
        if !self.held.is_empty() {
            emit(&self.held);
            self.held.clear();
        }
    }
}
