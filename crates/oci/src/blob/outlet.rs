//! Where the threads that make a blob leave its bytes.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::destination::{BlobError, Piece, Pieces};
use crate::digest::Digest;

/// Bytes of a piece; at most 1 MiB is what a [`Piece`] may have.
const PIECE: usize = 256 << 10;

/// Pieces that wait to be sent.
const WAITING: usize = 8;

/// Hashes a blob's bytes and passes on those from an offset on. Holds 256 KiB, and 2 MiB that wait to be sent.
pub(super) struct Outlet {
    sha256: Sha256,
    size: u64,
    /// Bytes that are yet to be left out.
    skip: u64,
    piece: BytesMut,
    /// None where nobody wants the bytes.
    sender: Option<mpsc::Sender<Result<Piece, BlobError>>>,
}

impl Outlet {
    /// One whose bytes nobody wants.
    pub(super) fn closed() -> Self {
        Self { sha256: Sha256::new(), size: 0, skip: 0, piece: BytesMut::new(), sender: None }
    }

    /// Passes on what is left, and says what the blob came to.
    pub(super) fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.send()?;
        Ok((Digest::from_bytes(self.sha256.finalize().into()), self.size))
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        match &self.sender {
            Some(sender) if !piece.is_empty() => {
                sender.blocking_send(Ok(Piece::Data(piece))).map_err(|_| unwanted())
            }
            _ => Ok(()),
        }
    }

    /// What of some bytes is passed on.
    fn wanted<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
        self.skip -= skipped as u64;
        if self.sender.is_some() { &bytes[skipped..] } else { &[] }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PIECE)];
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        let wanted = self.wanted(bytes);
        self.piece.extend_from_slice(wanted);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The stream was dropped; nobody reads the error.
fn unwanted() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "nobody wants the rest")
}

/// The pieces, from `offset` on, of what `work` writes on a blocking thread; their end is what it says. It begins when the
/// stream is first asked, within a runtime, and its writing fails once the stream was dropped.
pub(super) fn pieces<F>(offset: u64, work: F) -> Pieces
where
    F: FnOnce(Outlet) -> Result<(Digest, u64), BlobError> + Send + 'static,
{
    let begun = async move {
        let (sender, receiver) = mpsc::channel(WAITING);
        let outlet = Outlet { skip: offset, sender: Some(sender.clone()), ..Outlet::closed() };
        tokio::task::spawn_blocking(move || {
            let end = work(outlet).map(|(digest, size)| Piece::End { digest, size });
            // An error here means that the stream was dropped.
            let _ = sender.blocking_send(end);
        });
        let received =
            stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
        // A panic closes the channel without an end; that nobody takes for one.
        let ended = |ended: &mut bool, piece: Option<Result<Piece, BlobError>>| {
            let next = match piece {
                Some(piece) => Some(piece),
                None if *ended => None,
                None => Some(Err("the work on it stopped in the middle".into())),
            };
            *ended |= !matches!(next, Some(Ok(Piece::Data(_))));
            futures::future::ready(next)
        };
        received.map(Some).chain(stream::iter([None])).scan(false, ended)
    };
    stream::once(begun).flatten().boxed()
}

/// Bytes that are there already, from `offset` on, in pieces.
pub(super) fn slices(bytes: &Bytes, offset: u64) -> impl Iterator<Item = Piece> + Send + 'static {
    let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
    let rest = bytes.slice(start..);
    let starts = (0..rest.len()).step_by(PIECE);
    starts.map(move |at| Piece::Data(rest.slice(at..rest.len().min(at + PIECE))))
}
