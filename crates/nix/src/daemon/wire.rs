//! Numbers, strings and sets as they come from the daemon, each with its bound.

use std::io::{self, BufRead, BufReader, Read};

use super::{
    DaemonError, MAX_WORD,
    error::value,
    stream::{Offered, Stream},
};

/// Bytes read ahead.
const BUFFER: usize = 64 << 10;

/// Both directions of a connection. Holds [`BUFFER`] bytes and one string.
#[derive(Debug)]
pub(super) struct Wire<S>(BufReader<S>);

impl<S: Read> Wire<S> {
    pub(super) fn number(&mut self) -> Result<u64, DaemonError> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes).map_err(reading)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A number that is a truth where it is not 0.
    pub(super) fn truth(&mut self) -> Result<bool, DaemonError> {
        Ok(self.number()? != 0)
    }

    /// A number of items, of which there may be `most`.
    pub(super) fn count(&mut self, what: &'static str, most: usize) -> Result<usize, DaemonError> {
        let length = self.number()?;
        let good = usize::try_from(length).ok().filter(|&length| length <= most);
        good.ok_or(DaemonError::TooMuch { what, length, most })
    }

    /// A string of at most `most` bytes. As much memory is taken as has come.
    pub(super) fn bytes(&mut self, what: &'static str, most: usize) -> Result<Vec<u8>, DaemonError> {
        let length = self.count(what, most)?;
        let padded = length.next_multiple_of(8);
        let mut bytes = Vec::new();
        (&mut self.0).take(padded as u64).read_to_end(&mut bytes).map_err(reading)?;
        if bytes.len() < padded {
            return Err(DaemonError::Closed);
        }
        if bytes[length..].iter().any(|&byte| byte != 0) {
            return Err(DaemonError::Protocol("a string that is filled up with something other than zeros"));
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// A short string of UTF-8.
    pub(super) fn word(&mut self, what: &'static str) -> Result<String, DaemonError> {
        let bytes = self.bytes(what, MAX_WORD)?;
        String::from_utf8(bytes).map_err(|error| value(what, error.as_bytes()))
    }

    /// A short string that `parse` makes something of.
    pub(super) fn parsed<T, E>(
        &mut self,
        what: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, DaemonError> {
        let word = self.word(what)?;
        parse(&word).map_err(|_| value(what, word.as_bytes()))
    }

    /// At most `most` items, each read by `item`.
    pub(super) fn items<T, C: Default + Extend<T>>(
        &mut self,
        what: &'static str,
        most: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, DaemonError>,
    ) -> Result<C, DaemonError> {
        let mut items = C::default();
        for _ in 0..self.count(what, most)? {
            items.extend([item(self)?]);
        }
        Ok(items)
    }

    /// What has come and was not read, at least one byte.
    pub(super) fn ahead(&mut self) -> Result<&[u8], DaemonError> {
        let ahead = self.0.fill_buf().map_err(reading)?;
        if ahead.is_empty() { Err(DaemonError::Closed) } else { Ok(ahead) }
    }

    /// Marks bytes of [`ahead`](Self::ahead) as read.
    pub(super) fn consume(&mut self, length: usize) {
        self.0.consume(length);
    }
}

impl<S: Stream> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(BufReader::with_capacity(BUFFER, stream))
    }

    pub(super) fn get_ref(&self) -> &S {
        self.0.get_ref()
    }

    /// Sends all of `bytes`; for what the daemon reads before it says anything.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), DaemonError> {
        let stream = self.0.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).map_err(writing)
    }

    /// Sends some of `bytes`, unless something has come to be read.
    pub(super) fn offer(&mut self, bytes: &[u8]) -> Result<Offered, DaemonError> {
        if !self.0.buffer().is_empty() {
            return Ok(Offered::Incoming);
        }
        match self.0.get_mut().offer(bytes).map_err(writing)? {
            Offered::Written(0) => Err(DaemonError::Closed),
            offered => Ok(offered),
        }
    }
}

fn reading(error: io::Error) -> DaemonError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => DaemonError::Closed,
        _ => DaemonError::Io { what: "read from", error },
    }
}

fn writing(error: io::Error) -> DaemonError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::WriteZero => {
            DaemonError::Closed
        }
        _ => DaemonError::Io { what: "write to", error },
    }
}
