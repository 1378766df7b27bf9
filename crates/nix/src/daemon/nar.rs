//! A path's NAR, as the daemon writes it.

use std::io::Write;

use super::{
    Daemon, DaemonError, Stream,
    request::{Operation, Request},
    stderr,
};
use crate::{
    nar::{NarError, Parser},
    store_path::StorePath,
};

impl<S: Stream> Daemon<S> {
    /// Writes the NAR of `path` to `sink`, and says how many bytes it has. It is read with a NAR's bounds, as its end
    /// is told by nothing else; whether it has the hash that it should have is for the sink to see. Whatever fails, the
    /// connection is of no more use then.
    ///
    /// # Errors
    /// When the path is not valid, the daemon fails, what it sends is no NAR, or the sink fails.
    pub fn nar(&mut self, path: &StorePath, sink: &mut impl Write) -> Result<u64, DaemonError> {
        self.begin(&Request::of(Operation::NarFromPath).path(&self.dir, path))?;
        self.end()?;
        self.broken = true;
        // A daemon says that it is done before it begins, and may fail then: an error stands where the NAR, or one of its
        // strings, should. (Within a file's content nothing tells it from content; the daemon hangs up then.)
        let first = self.wire.number()?;
        if first == stderr::ERROR {
            return Err(stderr::error(&mut self.wire)?);
        }
        let first = first.to_le_bytes();
        let mut parser = Parser::new();
        parse(&mut parser, &mut first.as_slice())?;
        sink.write_all(&first).map_err(DaemonError::Sink)?;
        while !parser.is_complete() {
            let ahead = self.wire.ahead()?;
            let (length, mut rest) = (ahead.len(), ahead);
            match parse(&mut parser, &mut rest) {
                Ok(()) => {}
                Err(NarError::TooLong { length: stderr::ERROR, .. }) => {
                    let read = length - rest.len();
                    self.wire.consume(read);
                    return Err(stderr::error(&mut self.wire)?);
                }
                Err(error) => return Err(error.into()),
            }
            sink.write_all(ahead).map_err(DaemonError::Sink)?;
            self.wire.consume(length);
        }
        self.broken = false;
        Ok(parser.offset())
    }
}

/// Parses all of `bytes`; where they are wrong, what is left begins behind what is.
fn parse(parser: &mut Parser, bytes: &mut &[u8]) -> Result<(), NarError> {
    while parser.next_event(bytes)?.is_some() {}
    Ok(())
}
