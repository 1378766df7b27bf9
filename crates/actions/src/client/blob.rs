//! Reading parts of a blob.

use std::ops::Range;
use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, HeaderMap, RANGE};
use reqwest::{Response, StatusCode};

use super::retry::{Try, may_pass, persist, wanted_pause};
use super::{CacheClient, ClientError, DownloadUrl, Reason, error};

/// Bytes of an error's body that are read.
const ERROR: usize = 4096;

/// A part of a blob.
#[derive(Clone, Debug)]
pub struct Ranged {
    /// The bytes that were asked for, as far as the blob has them.
    pub bytes: Bytes,
    /// Bytes of the whole blob.
    pub total: u64,
}

/// What has arrived so far, over all tries.
#[derive(Default)]
struct Arrived {
    bytes: BytesMut,
    total: Option<u64>,
}

impl CacheClient {
    /// The bytes of `range`, cut at the blob's end, in one buffer: the caller bounds the range. A connection that
    /// breaks is taken up again where it broke.
    ///
    /// # Errors
    /// When the blob is not there any more, or the service does not answer as it should.
    pub async fn read(&self, from: &DownloadUrl, range: Range<u64>) -> Result<Ranged, ClientError> {
        let attempted =
            || format!("read bytes {} to {} of a blob at {}", range.start, range.end, from.host());
        let arrived = Mutex::new(Arrived::default());
        let arrived = &arrived;
        let wanted = range.clone();
        let done =
            persist(&self.0.patience, None, &attempted, || self.try_read(from, wanted.clone(), arrived));
        done.await?;
        let Arrived { bytes, total } = std::mem::take(&mut *lock(arrived));
        Ok(Ranged { bytes: bytes.freeze(), total: total.unwrap_or(0) })
    }

    async fn try_read(&self, from: &DownloadUrl, range: Range<u64>, arrived: &Mutex<Arrived>) -> Try<()> {
        let start = range.start + lock(arrived).bytes.len() as u64;
        let wanted = format!("bytes={start}-{}", range.end.saturating_sub(1));
        self.0.counters.request(0);
        let sent = self.0.http.get(from.0.clone()).header(RANGE, wanted).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Try::Again(Reason::Network(error.without_url()), None),
        };
        let (status, pause) = (response.status(), wanted_pause(response.headers()));
        if !status.is_success() {
            return self.refused(response, status, pause).await;
        }
        let total = match total(&response, start) {
            Ok(total) => total,
            Err(reason) => return Try::Done(Err(reason)),
        };
        if lock(arrived).total.replace(total).is_some_and(|before| before != total) {
            return Try::Done(Err(Reason::Garbage("a blob that changed while it was read".into())));
        }
        let end = range.end.min(total);
        match self.take(response, range.start, end, arrived).await {
            Ok(()) => Try::Done(Ok(())),
            Err(reason @ Reason::Network(_)) => Try::Again(reason, None),
            Err(reason) => Try::Done(Err(reason)),
        }
    }

    /// Takes the body, which should end at `end`.
    async fn take(
        &self,
        mut response: Response,
        start: u64,
        end: u64,
        arrived: &Mutex<Arrived>,
    ) -> Result<(), Reason> {
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        loop {
            let piece = response.chunk().await.map_err(|error| Reason::Network(error.without_url()))?;
            let mut arrived = lock(arrived);
            let Some(piece) = piece else {
                return if arrived.bytes.len() == length {
                    Ok(())
                } else {
                    Err(Reason::Garbage("fewer bytes than it promised".into()))
                };
            };
            self.0.counters.received(piece.len() as u64);
            if arrived.bytes.len() + piece.len() > length {
                return Err(Reason::Garbage("more bytes than were asked for".into()));
            }
            if arrived.bytes.capacity() < length {
                let more = length - arrived.bytes.len();
                arrived.bytes.reserve(more);
            }
            arrived.bytes.extend_from_slice(&piece);
        }
    }

    async fn refused<T>(
        &self,
        response: Response,
        status: StatusCode,
        pause: Option<std::time::Duration>,
    ) -> Try<T> {
        let body = self.bounded(response, ERROR).await.unwrap_or_default();
        let reason = blob_refusal(status, pause, &body);
        if may_pass(status) { Try::Again(reason, pause) } else { Try::Done(Err(reason)) }
    }
}

/// What a blob's answer other than 200 means.
pub(super) fn blob_refusal(status: StatusCode, pause: Option<std::time::Duration>, body: &[u8]) -> Reason {
    let message = || error::shown(&String::from_utf8_lossy(body));
    match status.as_u16() {
        429 => Reason::Limited(pause),
        status @ (401 | 403 | 404 | 410) => Reason::Gone(status),
        416 => Reason::Garbage("a blob that is shorter than it should be".into()),
        status @ (408 | 500..) => Reason::Outage { status, message: message() },
        status => Reason::Refused(format!("status {status}: {}", message())),
    }
}

/// Bytes of the whole blob, by an answer that begins at `start`.
fn total(response: &Response, start: u64) -> Result<u64, Reason> {
    let garbage = |what: &str| Reason::Garbage(what.to_owned());
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(garbage("an encoding that was not asked for"));
    }
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let (from, total) =
                content_range(response.headers()).ok_or_else(|| garbage("a part without saying which"))?;
            if from == start { Ok(total) } else { Err(garbage("another part than was asked for")) }
        }
        // Whoever does not know ranges sends all of it.
        _ if start == 0 => response.content_length().ok_or_else(|| garbage("a blob without its length")),
        _ => Err(garbage("the whole blob instead of a part")),
    }
}

/// Start and total of `bytes 0-9/100`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.trim().parse().ok()?, total.trim().parse().ok()?))
}

fn lock(arrived: &Mutex<Arrived>) -> std::sync::MutexGuard<'_, Arrived> {
    arrived.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
