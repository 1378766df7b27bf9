//! A NAR that is read from somewhere.

use std::io::{self, Read};

use super::{Event, NarError, parser::Parser};

/// Bytes read at once; also the longest [`Event::Contents`], and with the parser's all that a [`Reader`] holds.
const BUFFER: usize = 128 << 10;

/// Why a NAR cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("the archive cannot be read")]
    Io(#[from] io::Error),
    /// It is no NAR.
    #[error("what was read is not a Nix archive")]
    Nar(#[from] NarError),
}

/// Reads a NAR to the end of its source.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// What of the buffer is read and not parsed.
    start: usize,
    end: usize,
}

impl<R: Read> Reader<R> {
    /// A reader at the beginning of a NAR. It reads ahead: where more than the NAR comes from there, bound the source.
    #[must_use]
    pub fn new(source: R) -> Self {
        Self { source, parser: Parser::new(), buffer: vec![0; BUFFER].into(), start: 0, end: 0 }
    }

    /// The next event; `None` at the end of a complete NAR.
    ///
    /// # Errors
    /// When reading fails, or it is no NAR, or there is more behind it; the reader is then of no more use.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError> {
        loop {
            let mut rest = &self.buffer[self.start..self.end];
            let found = self.parser.advance(&mut rest)?;
            let from = std::mem::replace(&mut self.start, self.end - rest.len());
            if let Some(found) = found {
                return Ok(Some(self.parser.event(found, &self.buffer[from..self.start])));
            }
            if !self.fill()? {
                return if self.parser.is_complete() { Ok(None) } else { Err(NarError::Truncated.into()) };
            }
        }
    }

    /// Bytes of the NAR that were parsed so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.parser.offset()
    }

    /// Reads more into the buffer, which is used up; false at the end of the source.
    fn fill(&mut self) -> io::Result<bool> {
        (self.start, self.end) = (0, 0);
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(len) => {
                    self.end = len;
                    return Ok(len > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
