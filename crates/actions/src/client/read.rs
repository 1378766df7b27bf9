//! Reading a range of a blob.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, RANGE};
use reqwest::{Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::error::{Attempt, ClientError};
use super::http::Http;
use super::patience::{Failure, Pace};
use super::{MAX_READ, Ranged, urls};

/// Progress below this does not start the count of attempts anew, lest a server that drips keep a reader forever.
const PROGRESS: usize = 64 << 10;

/// A range as far as it has come.
struct Reading {
    range: Range<u64>,
    got: BytesMut,
    /// Of the first answer; another one belongs to other bytes.
    etag: Option<Bytes>,
}

pub(super) async fn read(http: &Http, url: &Url, range: Range<u64>) -> Result<Ranged, ClientError> {
    let attempt = Attempt::new("read an entry", None, &urls::host(url));
    if range.is_empty() || range.end - range.start > MAX_READ {
        let Range { start, end } = range;
        return Err(ClientError::Usage(format!("a read is of 1 to {MAX_READ} bytes, not of {start}..{end}")));
    }
    let mut reading = Reading { range, got: BytesMut::new(), etag: None };
    let mut pace = Pace::new(http.patience);
    loop {
        let before = reading.got.len();
        match once(http, url, &mut reading, &attempt, &pace).await {
            Ok(total) => return Ok(Ranged { bytes: reading.got.freeze(), total }),
            Err(failure) => {
                if reading.got.len() >= before + PROGRESS {
                    pace.moved();
                }
                pace.wait(failure).await?;
            }
        }
    }
}

/// One request; the bytes that came stay when it fails. Returns the size of the whole.
async fn once(
    http: &Http,
    url: &Url,
    reading: &mut Reading,
    attempt: &Attempt,
    pace: &Pace,
) -> Result<u64, Failure> {
    let garbage = |why: String| ClientError::Garbage { attempt: attempt.clone(), why };
    let from = reading.range.start + reading.got.len() as u64;
    let asked = format!("bytes={from}-{}", reading.range.end - 1);
    // Azure's own header comes first there; all others read the standard one.
    let request = http
        .inner
        .get(url.clone())
        .header(RANGE, &asked)
        .header(HeaderName::from_static("x-ms-range"), &asked);
    let request = request.header("x-ms-version", super::upload::AZURE_VERSION);
    let mut answer = http.send(request, attempt, pace.left().min(http.patience.stall)).await?;
    let header = |answer: &Response, name| answer.headers().get(name).map(|value| value.as_bytes().to_vec());
    let placed = header(&answer, CONTENT_RANGE);
    let size = match answer.status() {
        StatusCode::PARTIAL_CONTENT => {
            let placed = placed.as_deref().and_then(placed_at);
            let placed = placed.ok_or_else(|| garbage("the answer does not say which range it is".into()))?;
            if placed.range.start != from || placed.range.end != reading.range.end.min(placed.total) {
                let Range { start, end } = placed.range;
                let why = format!("{asked} was asked for and {start} to {end} of {} came", placed.total);
                return Err(garbage(why).into());
            }
            Some(placed.total)
        }
        StatusCode::OK if reading.range.start == 0 => {
            // The whole again: what came before the cut comes once more.
            reading.got.clear();
            None
        }
        StatusCode::OK => return Err(garbage("the server does not know ranges".into()).into()),
        StatusCode::RANGE_NOT_SATISFIABLE if reading.got.is_empty() => {
            let total = placed.as_deref().and_then(size_without_range).filter(|total| *total <= from);
            let why = || garbage("the server refuses a range that the entry should have".into());
            return Ok(total.ok_or_else(why)?);
        }
        _ => {
            let secrets = urls::secrets(url);
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let gone = |status, message| gone(attempt, status, message);
            return Err(http.failure(answer, attempt, &secrets, gone).await);
        }
    };
    if header(&answer, CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(garbage("the answer has an encoding that was not asked for".into()).into());
    }
    let etag = header(&answer, ETAG).map(Bytes::from);
    if !reading.got.is_empty() && etag != reading.etag {
        reading.got.clear();
        let source = "the entry's bytes were replaced while they were read".into();
        return Err(ClientError::Unreachable { attempt: attempt.clone(), source }.into());
    }
    reading.etag = etag;
    let end = size.map_or(reading.range.end, |total| total.min(reading.range.end));
    let most = usize::try_from(end - reading.range.start).unwrap_or(usize::MAX);
    if size.is_none() && answer.content_length().is_some_and(|length| length > most as u64) {
        return Err(garbage("the server does not know ranges and sends the whole".into()).into());
    }
    // A server that drips is as good as one that hangs.
    let (mut mark, mut until) = (reading.got.len(), Instant::now() + http.patience.total);
    loop {
        let wait = until.saturating_duration_since(Instant::now()).min(http.patience.stall);
        let Some(piece) = http.piece(&mut answer, attempt, wait).await? else { break };
        if reading.got.len() + piece.len() > most {
            return Err(garbage("more came than was asked for".into()).into());
        }
        if reading.got.is_empty() {
            // What was asked for, which the caller bounds; no byte is copied a second time by growing.
            reading.got.reserve(most);
        }
        reading.got.extend_from_slice(&piece);
        if reading.got.len() >= mark + PROGRESS {
            (mark, until) = (reading.got.len(), Instant::now() + http.patience.total);
        }
    }
    match size {
        // A body without a length that ends early looks like any other.
        Some(_) if reading.got.len() < most => {
            let source = "the answer ended before its range did".into();
            Err(ClientError::Unreachable { attempt: attempt.clone(), source }.into())
        }
        Some(total) => Ok(total),
        None => Ok(reading.got.len() as u64),
    }
}

/// Expired or evicted, when the status can mean that.
pub(super) fn gone(attempt: &Attempt, status: StatusCode, message: String) -> Option<ClientError> {
    let gone = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::GONE]
        .contains(&status);
    gone.then(|| ClientError::Gone { attempt: attempt.clone(), status, message })
}

/// A `Content-Range`: `bytes 0-9/100`.
struct PlacedAt {
    range: Range<u64>,
    total: u64,
}

fn placed_at(value: &[u8]) -> Option<PlacedAt> {
    let value = std::str::from_utf8(value).ok()?.trim_ascii().strip_prefix("bytes ")?;
    let (range, total) = value.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total) = (number(first)?, number(last)?, number(total)?);
    (first <= last && last < total).then(|| PlacedAt { range: first..last + 1, total })
}

fn size_without_range(value: &[u8]) -> Option<u64> {
    number(std::str::from_utf8(value).ok()?.trim_ascii().strip_prefix("bytes */")?)
}

/// Digits alone; the standard parser takes a sign too.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_names_its_place_and_the_whole() {
        let placed = placed_at(b"bytes 5-9/100").unwrap();
        assert_eq!((placed.range, placed.total), (5..10, 100));
        for wrong in
            ["bytes 5-4/100", "bytes 5-100/100", "bytes 5-9/*", "bytes */100", "bytes +5-9/100", "5-9/100"]
        {
            assert!(placed_at(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert_eq!(size_without_range(b"bytes */0"), Some(0));
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_parser(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let read = placed_at(&value).is_none_or(|placed| placed.range.end <= placed.total);
            prop_assert!(read);
        }

        #[test]
        fn what_is_written_is_read(first in 0..u64::MAX / 4, length in 1..u64::MAX / 4, more in 0..u64::MAX / 4) {
            let text = format!("bytes {first}-{}/{}", first + length - 1, first + length + more);
            let placed = placed_at(text.as_bytes()).unwrap();
            prop_assert_eq!(placed.range, first..first + length);
        }
    }
}
