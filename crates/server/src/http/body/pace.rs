//! How slowly a body may come. A slow line is waited for; a client that holds things up is not.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::{Instant, Sleep, sleep};

use crate::service::BodyError;

/// Bytes a second that any line manages.
const LEAST: u64 = 1024;

/// Bounds on the time that is spent waiting for a client. Time in which nobody asks for bytes does not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// One wait for bytes may be so long.
    idle: Duration,
    /// Of every span of waiting so long ...
    window: Duration,
    /// ... so many bytes must come.
    bytes: u64,
}

impl Pace {
    /// For bytes that nobody wants: 64 KiB a second, or it is not worth it.
    pub(super) const BRISK: Self =
        Self { idle: Duration::from_secs(1), window: Duration::from_secs(2), bytes: 128 << 10 };

    /// No wait longer than `idle`, and 1 KiB a second over twice that time.
    pub(super) fn of(idle: Duration) -> Self {
        let window = idle * 2;
        let bytes = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).saturating_mul(LEAST) / 1000;
        Self { idle, window, bytes }
    }

    /// Watches a stream.
    pub(super) fn watch<S, E>(self, stream: S) -> Paced<S>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        Paced {
            stream,
            pace: self,
            timer: Box::pin(sleep(self.idle)),
            waiting: None,
            waited: Duration::ZERO,
            bytes: 0,
            ended: false,
        }
    }
}

/// A stream under watch. It ends with its first error.
pub(super) struct Paced<S> {
    stream: S,
    pace: Pace,
    timer: Pin<Box<Sleep>>,
    waiting: Option<Instant>,
    waited: Duration,
    bytes: u64,
    ended: bool,
}

impl<S> Paced<S> {
    /// Counts what came, and judges when a window is full.
    fn is_too_slow(&mut self, came: usize) -> bool {
        self.waited += self.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.bytes = self.bytes.saturating_add(came as u64);
        if self.waited < self.pace.window {
            return false;
        }
        let slow = self.bytes < self.pace.bytes;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        slow
    }
}

impl<S, E> Stream for Paced<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match Pin::new(&mut self.stream).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) if self.is_too_slow(bytes.len()) => Some(Err(BodyError::Stalled)),
            Poll::Ready(Some(Ok(bytes))) => Some(Ok(bytes)),
            Poll::Ready(Some(Err(error))) => Some(Err(BodyError::Broken(error.into()))),
            Poll::Ready(None) => None,
            Poll::Pending => {
                if self.waiting.is_none() {
                    let now = Instant::now();
                    self.waiting = Some(now);
                    let until = now + self.pace.idle;
                    self.timer.as_mut().reset(until);
                }
                std::task::ready!(self.timer.as_mut().poll(context));
                Some(Err(BodyError::Stalled))
            }
        };
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{StreamExt, stream};

    use super::*;

    const PACE: Duration = Duration::from_secs(60);

    /// Parts of `size` bytes, `every` so long.
    fn parts(size: usize, every: Duration) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
        Box::pin(stream::unfold((), move |()| async move {
            sleep(every).await;
            Some((Ok(Bytes::from(vec![0; size])), ()))
        }))
    }

    /// When the stream is given up, in seconds, if it is within an hour.
    async fn given_up(size: usize, every: Duration) -> Option<u64> {
        let started = Instant::now();
        let mut stream = Pace::of(PACE).watch(parts(size, every));
        while started.elapsed() < Duration::from_secs(3600) {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(BodyError::Stalled)) => return Some(started.elapsed().as_secs()),
                other => panic!("{other:?}"),
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_a_second_is_given_up_after_two_minutes() {
        assert_eq!(given_up(1, Duration::from_secs(1)).await, Some(120));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_given_up_after_one() {
        assert_eq!(given_up(1, Duration::from_secs(100)).await, Some(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_waited_for() {
        assert_eq!(given_up(40 << 10, Duration::from_secs(30)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_we_take_ourselves_does_not_count() {
        let mut stream = Pace::of(PACE).watch(parts(1, Duration::from_millis(1)));
        for _ in 0..10 {
            assert!(stream.next().await.is_some_and(|part| part.is_ok()));
            sleep(Duration::from_secs(100)).await;
        }
    }
}
