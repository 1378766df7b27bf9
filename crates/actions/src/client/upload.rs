//! Putting a blob, as Azure's clients do: in one piece, or in blocks and a list of them.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use url::Url;

use super::blob::blob_refusal;
use super::retry::{Try, may_pass, persist, wanted_pause};
use super::{CacheClient, ClientError, Reason, UploadUrl};

/// Bytes that are put in one piece: with room for headers below the 100 MB that some proxies take.
const SINGLE: u64 = 95 << 20;

/// Bytes of a block.
const BLOCK: u64 = 64 << 20;

/// Blocks under way at once.
const AT_ONCE: usize = 4;

/// Bytes of a file that are in memory at once for each request.
const PIECE: u64 = 1 << 20;

/// The version of Azure's protocol that this was written against.
const API: &str = "2022-11-02";

/// What is uploaded.
#[derive(Clone, Debug)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// The first bytes of a file.
    File {
        /// The file.
        file: Arc<File>,
        /// How many.
        size: u64,
    },
}

impl Content {
    /// Bytes of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// A part as a request's body; `pieces` counts how many of its pieces were taken.
    fn body(&self, range: Range<u64>, pieces: &Arc<AtomicU64>) -> Body {
        let (content, pieces) = (self.clone(), Arc::clone(pieces));
        let starts = stream::iter(range.clone().step_by(PIECE as usize));
        Body::wrap_stream(starts.then(move |at| {
            pieces.fetch_add(1, Ordering::Relaxed);
            content.clone().piece(at..range.end.min(at + PIECE))
        }))
    }

    async fn piece(self, range: Range<u64>) -> std::io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.slice(range.start as usize..range.end as usize)),
            Self::File { file, .. } => {
                let reading = move || {
                    let mut bytes = vec![0; (range.end - range.start) as usize];
                    file.read_exact_at(&mut bytes, range.start).map(|()| Bytes::from(bytes))
                };
                tokio::task::spawn_blocking(reading).await.map_err(std::io::Error::other)?
            }
        }
    }
}

/// Ends when no piece was taken for `patience`.
async fn stalled(pieces: &AtomicU64, patience: Duration) {
    let mut before = None;
    loop {
        let now = pieces.load(Ordering::Relaxed);
        if before.replace(now) == Some(now) {
            return;
        }
        tokio::time::sleep(patience).await;
    }
}

impl CacheClient {
    /// Uploads all of `content`. Each piece is tried again by itself.
    ///
    /// # Errors
    /// When the reservation is over, or the service does not answer as it should.
    pub async fn upload(&self, to: &UploadUrl, content: Content) -> Result<(), ClientError> {
        let size = content.size();
        if size <= SINGLE {
            return self.put(to.0.clone(), &content, 0..size, Some("BlockBlob")).await;
        }
        let blocks: Vec<_> = (0..size).step_by(BLOCK as usize).zip(0u32..).collect();
        let sending = stream::iter(&blocks).map(|&(start, number)| {
            let url = with(&to.0, &[("comp", "block"), ("blockid", &id(number))]);
            self.put(url, &content, start..size.min(start + BLOCK), None)
        });
        sending.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let ids: String =
            blocks.iter().map(|&(_, number)| format!("<Latest>{}</Latest>", id(number))).collect();
        let list =
            Bytes::from(format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{ids}</BlockList>"));
        let size = list.len() as u64;
        self.put(with(&to.0, &[("comp", "blocklist")]), &Content::Bytes(list), 0..size, None).await
    }

    async fn put(
        &self,
        url: Url,
        content: &Content,
        range: Range<u64>,
        kind: Option<&str>,
    ) -> Result<(), ClientError> {
        let length = range.end - range.start;
        let attempted = || format!("send {length} bytes to {}", url.host_str().unwrap_or_default());
        let patience = self.0.patience.stall;
        persist(&self.0.patience, None, &attempted, || async {
            self.0.counters.request(length);
            let pieces = Arc::new(AtomicU64::new(0));
            let mut request = self
                .0
                .sender
                .put(url.clone())
                .header("x-ms-version", API)
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, length)
                .body(content.body(range.clone(), &pieces));
            if let Some(kind) = kind {
                request = request.header("x-ms-blob-type", kind);
            }
            let sent = tokio::select! {
                sent = request.send() => sent,
                () = stalled(&pieces, patience) => return Try::Again(Reason::Stalled(patience), None),
            };
            let response = match sent {
                Ok(response) => response,
                Err(error) => return Try::Again(Reason::Network(error.without_url()), None),
            };
            let (status, pause) = (response.status(), wanted_pause(response.headers()));
            let body = self.bounded(response, 4096).await.unwrap_or_default();
            if status.is_success() {
                return Try::Done(Ok(()));
            }
            let reason = blob_refusal(status, pause, &body);
            if may_pass(status) { Try::Again(reason, pause) } else { Try::Done(Err(reason)) }
        })
        .await
    }
}

/// The URL with more in its query, which stays as it is otherwise: it is signed.
fn with(url: &Url, pairs: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

/// The id of a block: all of a blob have the same length.
fn id(number: u32) -> String {
    STANDARD.encode(format!("snowbank-{number:012}"))
}
