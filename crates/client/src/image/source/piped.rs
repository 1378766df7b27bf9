//! A NAR of an upstream cache, read while it comes.

use std::io::{self, Read};
use std::sync::Arc;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::path_info::PathInfo;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Pieces that wait, of at most 128 KiB each: 1 MiB.
const WAITING: usize = 8;

/// A NAR of an upstream cache. For threads that may wait.
pub(super) struct Piped {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// Bytes of the piece that were handed on.
    at: usize,
    _fetching: AbortOnDropHandle<()>,
}

impl Piped {
    /// Begins to fetch it.
    pub(super) fn begin(upstreams: Arc<Upstreams>, info: PathInfo, handle: &Handle) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        let fetching = handle.spawn(async move {
            let pouring = sender.clone();
            // Called on a thread of its own.
            let sink = move |bytes: &[u8]| {
                let sent = pouring.blocking_send(Ok(bytes.to_vec()));
                sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
            };
            if let Err(error) = upstreams.fetch(&info, sink).await {
                let _ = sender.send(Err(io::Error::other(error))).await;
            }
        });
        Self { pieces, piece: Vec::new(), at: 0, _fetching: AbortOnDropHandle::new(fetching) }
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            // That it broke off without a word is told by its hash.
            let Some(piece) = self.pieces.blocking_recv() else { return Ok(0) };
            (self.piece, self.at) = (piece?, 0);
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
