//! A blob's bytes on their way into a request, and what became of them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::counts::Tally;
use crate::destination::{BlobError, Piece, Pieces};
use crate::digest::Digest;

/// What is seen of a body while it is sent.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Since when the other side has something to take or to answer; none while the blob is being made.
    waiting_since: Option<Instant>,
    sent: u64,
    end: Option<(Digest, u64)>,
    broken: Option<BlobError>,
}

impl Watch {
    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the whole blob came to, if its end was sent.
    pub(super) fn end(&self) -> Option<(Digest, u64)> {
        self.seen(|seen| seen.end)
    }

    /// Bytes that were handed over to be sent.
    pub(super) fn sent(&self) -> u64 {
        self.seen(|seen| seen.sent)
    }

    /// Why the blob could not be made.
    pub(super) fn broken(&self) -> Option<BlobError> {
        self.seen(|seen| seen.broken.take())
    }

    /// Begins to wait for the other side.
    pub(super) fn begin(&self) {
        self.seen(|seen| seen.waiting_since = Some(Instant::now()));
    }

    /// Ends when the other side has moved nothing for so long.
    pub(super) async fn stall(&self, idle: Duration) {
        loop {
            let now = Instant::now();
            let until = self.seen(|seen| seen.waiting_since).unwrap_or(now) + idle;
            if until <= now {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// The pieces of a blob as a request's body. Holds one of them at a time.
pub(super) struct Outgoing {
    pieces: Pieces,
    watch: Arc<Watch>,
    tally: Arc<Tally>,
}

impl Outgoing {
    pub(super) fn new(pieces: Pieces, tally: Arc<Tally>) -> (Self, Arc<Watch>) {
        let watch = Arc::<Watch>::default();
        (Self { pieces, watch: Arc::clone(&watch), tally }, watch)
    }
}

/// The body broke off; the [`Watch`] has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the blob could not be made to its end")]
pub(super) struct BrokenOff;

impl Stream for Outgoing {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.watch.end().is_some() {
            return Poll::Ready(None);
        }
        let polled = self.pieces.poll_next_unpin(context);
        self.watch.seen(|seen| {
            let Poll::Ready(piece) = polled else {
                seen.waiting_since = None;
                return Poll::Pending;
            };
            seen.waiting_since = Some(Instant::now());
            match piece {
                Some(Ok(Piece::Data(bytes))) => {
                    seen.sent += bytes.len() as u64;
                    self.tally.sent(bytes.len());
                    Poll::Ready(Some(Ok(bytes)))
                }
                Some(Ok(Piece::End { digest, size })) => {
                    seen.end = Some((digest, size));
                    Poll::Ready(None)
                }
                Some(Err(error)) => {
                    seen.broken = Some(error);
                    Poll::Ready(Some(Err(BrokenOff)))
                }
                None => {
                    seen.broken = Some("it ended before its end was said".into());
                    Poll::Ready(Some(Err(BrokenOff)))
                }
            }
        })
    }
}
