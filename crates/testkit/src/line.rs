//! A long line: bytes come out as fast as they went in, but later.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};

/// Bytes that may be on the line at once: at 20 ms, 800 MB/s still come through.
const MOST: usize = 16 << 20;

/// Bytes that are put on the line at once.
const PART: usize = 64 << 10;

struct Part<'a> {
    due: Instant,
    bytes: Vec<u8>,
    _room: SemaphorePermit<'a>,
}

/// Passes everything on from `from` to `to`, each part `latency` after it came, and nothing as if it had come before
/// `opened`. Ends when either does.
pub(crate) async fn pass(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    latency: Duration,
    opened: Instant,
) {
    let room = Semaphore::new(MOST);
    let (sender, receiver) = mpsc::unbounded_channel();
    let leave = leave(receiver, to);
    tokio::pin!(leave);
    tokio::select! {
        () = enter(from, sender, &room, latency, opened) => leave.await,
        () = &mut leave => {}
    }
}

async fn enter<'a>(
    mut from: impl AsyncRead + Unpin,
    line: mpsc::UnboundedSender<Part<'a>>,
    room: &'a Semaphore,
    latency: Duration,
    opened: Instant,
) {
    let mut buffer = vec![0; PART];
    while let Ok(len) = from.read(&mut buffer).await {
        let due = Instant::now().max(opened) + latency;
        // The end takes its time, too.
        let weight = u32::try_from(len.max(1)).unwrap_or(u32::MAX);
        let Ok(permit) = room.acquire_many(weight).await else { return };
        if line.send(Part { due, bytes: buffer[..len].to_vec(), _room: permit }).is_err() || len == 0 {
            return;
        }
    }
}

async fn leave(mut line: mpsc::UnboundedReceiver<Part<'_>>, mut to: impl AsyncWrite + Unpin) {
    while let Some(part) = line.recv().await {
        sleep_until(part.due).await;
        if part.bytes.is_empty() || to.write_all(&part.bytes).await.is_err() {
            break;
        }
    }
    // Fails when the other end has gone already.
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const LATENCY: Duration = Duration::from_millis(40);

    /// Sends so much at once over a line that opens after so long; what time it took on the paused clock.
    async fn send(bytes: usize, opens: Duration) -> Duration {
        let begin = Instant::now();
        let (mut near, from) = duplex(1 << 20);
        let (to, mut far) = duplex(1 << 20);
        let line = tokio::spawn(pass(from, to, LATENCY, begin + opens));
        let sending = tokio::spawn(async move { near.write_all(&vec![7; bytes]).await });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        sending.await.unwrap().unwrap();
        line.await.unwrap();
        assert_eq!(received, vec![7; bytes]);
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn much_takes_no_longer_than_little() {
        for bytes in [1, 100_000, 12_000_000] {
            let time = send(bytes, Duration::ZERO).await;
            assert!((LATENCY..LATENCY + Duration::from_millis(3)).contains(&time), "{bytes}: {time:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_line_holds_takes_turns() {
        let time = send(2 * MOST, Duration::ZERO).await;
        assert!(time >= 2 * LATENCY, "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_comes_before_the_line_is_open() {
        assert!(send(1, 2 * LATENCY).await >= 3 * LATENCY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_whose_far_end_has_gone_ends() {
        let (mut near, from) = duplex(10);
        let (to, far) = duplex(10);
        let line = tokio::spawn(pass(from, to, LATENCY, Instant::now()));
        drop(far);
        near.write_all(b"x").await.unwrap();
        line.await.unwrap();
    }
}
