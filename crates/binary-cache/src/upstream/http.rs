//! The answers of servers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, HeaderMap, HeaderName},
};
use snowbank_nix::nar_info::Compression;
use tokio::time::timeout;

use super::Failure;

/// Bytes below which what came counts for next to nothing.
const NEXT_TO_NOTHING: usize = 16 << 10;

/// A header's text, empty where there is none.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The encoding in which an answer is sent although nobody asked for one: caches keep files that Nix wrote in one
/// (its `narinfo-compression`) and send them as they are.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Option<Compression>, Failure> {
    match text(headers, CONTENT_ENCODING) {
        "" | "identity" => Ok(None),
        "x-gzip" => Ok(Some(Compression::Gzip)),
        name => match Compression::named(name) {
            Some(Compression::None) => Ok(None),
            Some(encoding) => Ok(Some(encoding)),
            None => Err(Failure::Encoding(name.to_owned())),
        },
    }
}

/// Waits for the parts of a body, but not for a server that only pretends to send one.
pub(super) struct Pace {
    stall: Duration,
    left: Duration,
    came: usize,
}

impl Pace {
    pub(super) fn new(stall: Duration) -> Self {
        Self { stall, left: stall, came: 0 }
    }

    /// The next part of the body. Only time spent here counts, not what the receiver took.
    pub(super) async fn next(&mut self, answer: &mut Response) -> Result<Option<Bytes>, Failure> {
        let begin = Instant::now();
        let part = timeout(self.left, answer.chunk()).await;
        let part = part.map_err(|_| Failure::Stalled(self.stall))?.map_err(Failure::http)?;
        self.left = self.left.saturating_sub(begin.elapsed());
        self.came += part.as_ref().map_or(0, Bytes::len);
        if self.came >= NEXT_TO_NOTHING {
            *self = Self::new(self.stall);
        }
        Ok(part)
    }
}

/// The whole body, of at most `most` bytes.
pub(super) async fn whole(mut answer: Response, most: usize, stall: Duration) -> Result<Vec<u8>, Failure> {
    let mut pace = Pace::new(stall);
    let mut body = Vec::new();
    while let Some(part) = pace.next(&mut answer).await? {
        if part.len() > most - body.len() {
            return Err(Failure::TooLarge(most as u64));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
