//! The source of an ingest, as the thread that reads it sees it.

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::Receiver;

/// The source, piece by piece or as a reader; holds one piece. It is to be read on a thread that may wait, which the
/// reader of [`super::ingest_with`] runs on.
///
/// When the source fails, so does every read, and the ingest ends with [`super::IngestError::Source`], whatever its
/// reader makes of it.
#[derive(Debug)]
pub struct Pieces {
    /// `None` is the end; a channel that closes before it tells that the source broke off.
    from: Receiver<Option<Bytes>>,
    piece: Bytes,
    ended: bool,
}

impl Pieces {
    pub(super) fn new(from: Receiver<Option<Bytes>>) -> Self {
        Self { from, piece: Bytes::new(), ended: false }
    }

    /// The next piece that is not empty, or the rest of the one that was read from last. `None` at the end.
    ///
    /// # Errors
    /// When the source broke off.
    pub fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while self.piece.is_empty() && !self.ended {
            match self.from.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the source broke off")),
            }
        }
        let piece = std::mem::take(&mut self.piece);
        Ok((!piece.is_empty()).then_some(piece))
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.piece = self.next_piece()?.unwrap_or_default();
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount.min(self.piece.len()));
    }
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let len = piece.len().min(to.len());
        to[..len].copy_from_slice(&piece[..len]);
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    fn pieces(items: &[Option<&'static [u8]>]) -> Pieces {
        let (to, from) = channel(items.len().max(1));
        items.iter().for_each(|item| to.try_send(item.map(Bytes::from_static)).unwrap());
        Pieces::new(from)
    }

    #[test]
    fn pieces_are_one_stream_for_a_reader() {
        let mut source = pieces(&[Some(b"one "), Some(b""), Some(b"stream"), None]);
        let mut start = [0; 2];
        source.read_exact(&mut start).unwrap();
        assert_eq!((&start[..], source.next_piece().unwrap()), (&b"on"[..], Some(Bytes::from_static(b"e "))));
        let mut rest = String::new();
        source.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), source.next_piece().unwrap()), ("stream", None));
    }

    #[test]
    fn a_source_that_broke_off_has_no_end() {
        let mut source = pieces(&[Some(b"half")]);
        let error = source.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(source.next_piece().is_err());
    }
}
