//! Sending a blob the way of Azure: Put Blob, or Put Block and Put Block List.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder};
use tokio::time::Instant;
use url::Url;

use super::error::{Attempt, ClientError};
use super::http::{Http, unreachable};
use super::patience::{Failure, Pace};
use super::{Content, read, urls};
use crate::limits::BLOCKS;

/// The version of Azure's interface that is spoken.
pub(super) const AZURE_VERSION: &str = "2024-11-04";
/// Bytes of the largest content that is sent at once: below the 100 MB that some proxies take.
const SINGLE: u64 = 95 << 20;
/// Bytes of a block.
pub(super) const BLOCK: u64 = 64 << 20;
/// Blocks on their way at once.
const AT_ONCE: usize = 4;
/// Bytes that are read from a file at once; each block on its way holds one such piece.
const PIECE: u64 = 256 << 10;

pub(super) async fn upload(http: &Http, url: &Url, content: &Content) -> Result<(), ClientError> {
    let attempt = Attempt::new("upload an entry", None, &urls::host(url));
    let size = content.size();
    if size <= SINGLE {
        let request = || binary(http, url).header("x-ms-blob-type", "BlockBlob");
        return put(http, url, content, 0..size, &attempt, request).await;
    }
    if size.div_ceil(BLOCK) > BLOCKS as u64 {
        return Err(ClientError::Usage(format!("{size} bytes are more than {BLOCKS} blocks hold")));
    }
    let ids = Ids::new()?;
    let blocks = (0..size.div_ceil(BLOCK)).map(|index| {
        let mut to = url.clone();
        to.query_pairs_mut().append_pair("comp", "block").append_pair("blockid", &ids.of(index));
        let part = index * BLOCK..((index + 1) * BLOCK).min(size);
        let attempt = &attempt;
        async move { put(http, url, content, part, attempt, || binary(http, &to)).await }
    });
    stream::iter(blocks).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let mut to = url.clone();
    to.query_pairs_mut().append_pair("comp", "blocklist");
    let mut list = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for index in 0..size.div_ceil(BLOCK) {
        list.extend(["<Latest>", &ids.of(index), "</Latest>"]);
    }
    list.push_str("</BlockList>");
    let list = Content::Bytes(list.into());
    let part = 0..list.size();
    let request = || http.inner.put(to.clone()).header(CONTENT_TYPE, "application/xml");
    put(http, url, &list, part, &attempt, request).await
}

fn binary(http: &Http, to: &Url) -> RequestBuilder {
    http.inner.put(to.clone()).header(CONTENT_TYPE, "application/octet-stream")
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }
}

/// Block ids as the npm client makes them: the base64 of a UUID and twelve digits.
struct Ids(String);

impl Ids {
    fn new() -> Result<Self, ClientError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| ClientError::Usage(format!("the system gives no random numbers: {error}")))?;
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        let hex = hex::encode(random);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(Self(parts.join("-")))
    }

    fn of(&self, index: u64) -> String {
        BASE64_STANDARD.encode(format!("{}{index:012}", self.0))
    }
}

/// Sends a part of the content as the body of one request, again while that may help.
async fn put(
    http: &Http,
    url: &Url,
    content: &Content,
    part: Range<u64>,
    attempt: &Attempt,
    request: impl Fn() -> RequestBuilder,
) -> Result<(), ClientError> {
    let mut pace = Pace::new(http.patience);
    loop {
        let began = Arc::new(Sending::new(part.end - part.start));
        match once(http, url, content, part.clone(), attempt, request(), &began).await {
            Ok(()) => return Ok(()),
            Err(failure) => {
                // The wait counts from when the line was last alive; the attempts stay bounded.
                pace.alive(began.moved());
                pace.wait(failure).await?;
            }
        }
    }
}

async fn once(
    http: &Http,
    url: &Url,
    content: &Content,
    part: Range<u64>,
    attempt: &Attempt,
    request: RequestBuilder,
    sending: &Arc<Sending>,
) -> Result<(), Failure> {
    http.counters.request();
    let request = request
        .header(CONTENT_LENGTH, part.end - part.start)
        .header("x-ms-version", AZURE_VERSION)
        .body(body(http, content.clone(), part, Arc::clone(sending)));
    let answer = tokio::select! {
        answer = request.send() => answer.map_err(|error| sending.file_error(attempt).unwrap_or_else(|| unreachable(attempt, error)))?,
        waited = sending.stalled(http.patience.stall, http.patience.total) => {
            return Err(ClientError::TimedOut { attempt: attempt.clone(), waited }.into());
        }
    };
    if answer.status().is_success() {
        return Ok(());
    }
    let secrets = urls::secrets(url);
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    Err(http.failure(answer, attempt, &secrets, |status, message| read::gone(attempt, status, message)).await)
}

/// A body that is read as it is sent.
fn body(http: &Http, content: Content, part: Range<u64>, sending: Arc<Sending>) -> Body {
    let counters = http.counters.clone();
    let pieces = stream::try_unfold(part, move |rest| {
        let (content, sending, counters) = (content.clone(), Arc::clone(&sending), counters.clone());
        async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let piece = rest.start..rest.end.min(rest.start + PIECE);
            let rest = piece.end..rest.end;
            let bytes = take(content, piece).await.map_err(|error| sending.fail(error))?;
            sending.hand_over(bytes.len());
            counters.sent(bytes.len());
            Ok::<_, io::Error>(Some((bytes, rest)))
        }
    });
    Body::wrap_stream(pieces)
}

async fn take(content: Content, piece: Range<u64>) -> io::Result<Bytes> {
    // A piece is small, and bytes in memory are not longer than the address space.
    let at = |offset: u64| usize::try_from(offset).map_err(io::Error::other);
    match content {
        Content::Bytes(bytes) => Ok(bytes.slice(at(piece.start)?..at(piece.end)?)),
        Content::File { file, .. } => {
            let mut buffer = vec![0; at(piece.end - piece.start)?];
            let read = tokio::task::spawn_blocking(move || {
                file.read_exact_at(&mut buffer, piece.start).map(|()| buffer)
            });
            Ok(read.await.map_err(io::Error::other)??.into())
        }
    }
}

/// A body on its way.
struct Sending(Mutex<State>);

struct State {
    left: u64,
    moved: Instant,
    failed: Option<io::Error>,
}

impl Sending {
    fn new(size: u64) -> Self {
        Self(Mutex::new(State { left: size, moved: Instant::now(), failed: None }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_over(&self, bytes: usize) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(bytes as u64);
        state.moved = Instant::now();
    }

    fn moved(&self) -> Instant {
        self.state().moved
    }

    /// Keeps the failure of the file, for the HTTP client hides it; what it is given stands for it.
    fn fail(&self, error: io::Error) -> io::Error {
        let stand_in = io::Error::from(error.kind());
        self.state().failed = Some(error);
        stand_in
    }

    fn file_error(&self, attempt: &Attempt) -> Option<ClientError> {
        let source = self.state().failed.take()?;
        Some(ClientError::File { attempt: attempt.clone(), source })
    }

    /// Ends when nothing moved for `stall`; once all is handed over, for `answer`: the last of it is still in the
    /// system's buffers, and the server writes it down before it answers.
    async fn stalled(&self, stall: Duration, answer: Duration) -> Duration {
        loop {
            let (moved, wait) = {
                let state = self.state();
                (state.moved, if state.left == 0 { answer.max(stall) } else { stall })
            };
            if moved.elapsed() >= wait {
                return wait;
            }
            tokio::time::sleep_until(moved + wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ids_are_alike_in_length_and_differ() {
        let ids = Ids::new().unwrap();
        let decoded = BASE64_STANDARD.decode(ids.of(7)).unwrap();
        assert_eq!(decoded.len(), 48);
        assert!(decoded.ends_with(b"000000000007"));
        assert_ne!(ids.of(1), ids.of(2));
        assert_ne!(ids.of(1), Ids::new().unwrap().of(1));
    }
}
