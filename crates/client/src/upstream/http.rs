//! One request to an upstream cache.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{CONTENT_ENCODING, HeaderMap, HeaderName},
    redirect::Policy,
};
use snowbank_nix::nar_info::Compression;
use tokio::{sync::OnceCell, time::timeout};

use super::{Failure, UpstreamOptions, thread::on_thread};

/// Redirects that are followed for one thing.
const REDIRECTS: usize = 10;

/// Bytes below which what came counts for next to nothing.
const NEXT_TO_NOTHING: usize = 16 << 10;

/// What sends requests to all upstream caches.
pub(super) struct Web {
    pub(super) options: UpstreamOptions,
    client: OnceCell<Result<Client, Arc<reqwest::Error>>>,
}

impl Web {
    /// Sets nothing up yet: that reads the system's certificates, which a run that fetches nothing does not need.
    pub(super) fn new(options: UpstreamOptions) -> Self {
        Self { options, client: OnceCell::new() }
    }

    /// The client for all upstream caches.
    pub(super) async fn client(&self) -> Result<&Client, Failure> {
        let options = self.options.clone();
        let set_up = || on_thread(move || client(&options).map_err(Arc::new));
        self.client.get_or_init(set_up).await.as_ref().map_err(|error| Failure::Client(Arc::clone(error)))
    }

    /// Sends `request`. `None` when the thing is not there: 403 is what buckets say that do not let themselves be
    /// listed.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Option<Response>, Failure> {
        let answer = timeout(self.options.stall, request.send()).await;
        let answer = answer.map_err(|_| Failure::Stalled(self.options.stall))?.map_err(Failure::http)?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(Some(answer)),
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => Ok(None),
            code => Err(Failure::status(code, answer.headers())),
        }
    }
}

/// A client that says a login to nobody but the server that it is for, redirects or not.
fn client(options: &UpstreamOptions) -> reqwest::Result<Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder()
        .user_agent(concat!("snowbank/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect)
        .pool_max_idle_per_host(options.transfers.max(options.lookups))
        .redirect(Policy::limited(REDIRECTS))
        .referer(false);
    if options.system_proxy { builder.build() } else { builder.no_proxy().build() }
}

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
