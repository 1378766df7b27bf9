//! The body of a NAR from a server, gone on with after a cut.

use reqwest::{
    Response, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE},
};
use snowbank_nix::nar_info::Compression;
use tokio::sync::mpsc;
use url::Url;

use super::{
    Failure,
    http::{self, Pace},
    pipe::Piece,
    retry::Retry,
    site::Site,
};

/// A body that has begun to come.
pub(super) struct Download<'a> {
    site: &'a Site,
    url: Url,
    answer: Response,
    retry: Retry<'a>,
    encoding: Option<Compression>,
    /// Bytes of the body that were passed on.
    passed: u64,
    /// Bytes that come once more and are passed over.
    again: u64,
    /// Bytes that came.
    received: u64,
}

impl<'a> Download<'a> {
    /// Asks for the body; `None` when it is not there.
    pub(super) async fn open(site: &'a Site, url: Url) -> Result<Option<Self>, Failure> {
        let mut retry = Retry::new(site.options());
        loop {
            match site.get(&url, HeaderMap::new()).await {
                Ok(Some(answer)) => {
                    let encoding = http::encoding(answer.headers())?;
                    return Ok(Some(Self {
                        site,
                        url,
                        answer,
                        retry,
                        encoding,
                        passed: 0,
                        again: 0,
                        received: 0,
                    }));
                }
                Ok(None) => return Ok(None),
                Err(failure) => site.retry(&mut retry, failure).await?,
            }
        }
    }

    /// The content encoding of the body.
    pub(super) fn encoding(&self) -> Option<Compression> {
        self.encoding
    }

    /// Bytes that came.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Passes the body on, until it or the interest in it ends.
    pub(super) async fn pass(&mut self, to: mpsc::Sender<Piece>) -> Result<(), Failure> {
        let mut pace = Pace::new(self.site.options().stall);
        loop {
            let next = tokio::select! {
                next = pace.next(&mut self.answer) => next,
                () = to.closed() => return Ok(()),
            };
            match next {
                Ok(Some(mut part)) => {
                    self.received += part.len() as u64;
                    self.retry.progress(part.len());
                    let again = usize::try_from(self.again).unwrap_or(usize::MAX).min(part.len());
                    self.again -= again as u64;
                    let part = part.split_off(again);
                    self.passed += part.len() as u64;
                    if to.send(Piece::Bytes(part)).await.is_err() {
                        return Ok(());
                    }
                }
                Ok(None) => {
                    self.site.good();
                    // Who has all bytes that were signed may be gone.
                    let _ = to.send(Piece::End).await;
                    return Ok(());
                }
                Err(failure) => {
                    self.go_on(failure).await?;
                    pace = Pace::new(self.site.options().stall);
                }
            }
        }
    }

    /// Asks for what is left. A server without ranges sends all once more; what it sent before is passed over, and
    /// that it was the same is what the hash of the NAR tells in the end.
    async fn go_on(&mut self, mut failure: Failure) -> Result<(), Failure> {
        loop {
            // What is encoded on the way may come out differently.
            if self.encoding.is_some() {
                return Err(failure);
            }
            self.site.retry(&mut self.retry, failure).await?;
            match self.site.get(&self.url, self.range()).await {
                Ok(Some(answer)) => return self.take(answer),
                // It was there a moment ago.
                Ok(None) => return Err(Failure::status(StatusCode::NOT_FOUND, self.answer.headers())),
                Err(next) => failure = next,
            }
        }
    }

    /// The headers that ask for what is left, where the server has ranges.
    fn range(&self) -> HeaderMap {
        let told = self.answer.headers();
        let ranges = http::text(told, ACCEPT_RANGES) == "bytes" || told.contains_key(CONTENT_RANGE);
        let mut headers = HeaderMap::new();
        if !ranges || self.passed == 0 {
            return headers;
        }
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.passed)) {
            headers.insert(RANGE, range);
            let tag = told.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
            headers.extend(tag.map(|tag| (IF_RANGE, tag.clone())));
        }
        headers
    }

    fn take(&mut self, answer: Response) -> Result<(), Failure> {
        if http::encoding(answer.headers())? != self.encoding {
            return Err(Failure::Range);
        }
        self.again = self.passed;
        if answer.status() == StatusCode::PARTIAL_CONTENT {
            let range = http::text(answer.headers(), CONTENT_RANGE);
            if !range.starts_with(&format!("bytes {}-", self.passed)) {
                return Err(Failure::Range);
            }
            self.again = 0;
        }
        self.answer = answer;
        Ok(())
    }
}
