//! Events in, bytes out.

use std::io::{self, BufWriter, Write};

use super::{Event, MAGIC, NarError, grammar::Grammar, padding};

/// Bytes gathered before they are written; larger contents are passed on as they come.
const BUFFER: usize = 64 << 10;

/// Why a NAR cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("the archive cannot be written")]
    Io(#[from] io::Error),
    /// The events are those of no NAR.
    #[error("the archive would not be one")]
    Nar(#[from] NarError),
}

/// Writes a NAR.
#[derive(Debug)]
pub struct Writer<W: Write> {
    sink: BufWriter<W>,
    grammar: Grammar,
    /// Padding of the file under way.
    padding: u64,
}

impl<W: Write> Writer<W> {
    /// A writer at the beginning of a NAR.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn new(sink: W) -> Result<Self, WriteError> {
        let sink = BufWriter::with_capacity(BUFFER, sink);
        let mut writer = Self { sink, grammar: Grammar::new(), padding: 0 };
        writer.string(MAGIC)?;
        Ok(writer)
    }

    /// Writes the next event.
    ///
    /// # Errors
    /// When the sink fails, or the event cannot stand here or breaks a bound; the writer is then of no more use.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), WriteError> {
        self.grammar.accept(event)?;
        match event {
            Event::Directory => self.strings(&[b"(", b"type", b"directory"])?,
            Event::Entry(name) => self.strings(&[b"entry", b"(", b"name", name, b"node"])?,
            Event::DirectoryEnd => {}
            Event::File { executable, size } => {
                self.strings(&[b"(", b"type", b"regular"])?;
                if *executable {
                    self.strings(&[b"executable", b""])?;
                }
                self.string(b"contents")?;
                self.sink.write_all(&size.to_le_bytes())?;
                self.padding = padding(*size);
            }
            Event::Contents(bytes) => {
                self.sink.write_all(bytes)?;
                if self.grammar.closed() {
                    self.pad(self.padding)?;
                }
            }
            Event::Symlink(target) => self.strings(&[b"(", b"type", b"symlink", b"target", target])?,
        }
        let ended = !matches!(event, Event::Directory | Event::Entry(_)) && self.grammar.closed();
        if ended {
            self.string(b")")?;
            if !self.grammar.complete() {
                self.string(b")")?;
            }
        }
        Ok(())
    }

    /// Ends the NAR and gives back the sink, to which all was passed.
    ///
    /// # Errors
    /// When the sink fails, or the NAR is not complete.
    pub fn finish(self) -> Result<W, WriteError> {
        if !self.grammar.complete() {
            return Err(NarError::Truncated.into());
        }
        self.sink.into_inner().map_err(|error| WriteError::Io(error.into_error()))
    }

    fn strings(&mut self, strings: &[&[u8]]) -> io::Result<()> {
        strings.iter().try_for_each(|string| self.string(string))
    }

    fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = bytes.len() as u64;
        self.sink.write_all(&len.to_le_bytes())?;
        self.sink.write_all(bytes)?;
        self.pad(padding(len))
    }

    fn pad(&mut self, count: u64) -> io::Result<()> {
        // Less than eight.
        let zeros = usize::try_from(count).unwrap_or(0);
        self.sink.write_all(&[0; 8][..zeros])
    }
}
