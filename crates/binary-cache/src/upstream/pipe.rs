//! From an async task to a thread that reads.

use std::io::{self, BufRead, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

/// Parts on their way; hyper's parts have at most 408 KiB.
const PARTS: usize = 4;

/// A part of a stream.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes, in order.
    Bytes(Bytes),
    /// The end; a stream that stops without it was cut off.
    End,
}

/// A sender of pieces, and the reader of what they make.
pub(super) fn pipe() -> (mpsc::Sender<Piece>, PipeReader) {
    let (sender, receiver) = mpsc::channel(PARTS);
    (sender, PipeReader { receiver, part: Bytes::new(), ended: false })
}

/// Reads what is sent. Not for async threads.
pub(super) struct PipeReader {
    receiver: mpsc::Receiver<Piece>,
    part: Bytes,
    ended: bool,
}

impl BufRead for PipeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.part.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(part)) => self.part = part,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        Ok(&self.part)
    }

    fn consume(&mut self, amount: usize) {
        self.part.advance(amount);
    }
}

impl Read for PipeReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let len = from.len().min(to.len());
        to[..len].copy_from_slice(&from[..len]);
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: Vec<Piece>) -> io::Result<Vec<u8>> {
        let (sender, mut reader) = pipe();
        let sending = std::thread::spawn(move || {
            for piece in pieces {
                sender.blocking_send(piece).unwrap();
            }
        });
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        sending.join().unwrap();
        read.map(|_| bytes)
    }

    #[test]
    fn pieces_come_in_order() {
        let part = |text: &'static str| Piece::Bytes(Bytes::from_static(text.as_bytes()));
        let pieces = vec![part("a"), part(""), part("bc"), part("d"), part("e"), part("f"), Piece::End];
        assert_eq!(read(pieces).unwrap(), b"abcdef");
    }

    #[test]
    fn what_stops_without_an_end_was_cut_off() {
        let error = read(vec![Piece::Bytes(Bytes::from_static(b"a"))]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
