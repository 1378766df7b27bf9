//! An upload session: where the next bytes of a blob go.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use url::Url;

use super::kept;
use crate::digest::Digest;
use crate::registry::answer::header;
use crate::registry::error::RegistryError;
use crate::registry::host::CHUNKS;
use crate::registry::repository::Repository;
use crate::registry::wire::Ask;

/// The least bytes that a range must have but the last (distribution specification).
const MIN_CHUNK: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// A session at a registry.
#[derive(Debug)]
pub(in crate::registry) struct Session {
    url: Url,
    /// The least bytes of a range that is not the last.
    pub(super) min_chunk: u64,
    /// The registry does not know it any more.
    lost: bool,
}

impl Session {
    /// The session that an answer opened.
    pub(in crate::registry) fn opened(
        repository: &Repository,
        asked: &Url,
        headers: &HeaderMap,
    ) -> Result<Self, RegistryError> {
        let url = repository.wire().location(asked, headers)?;
        let min_chunk = header(headers, MIN_CHUNK).parse().unwrap_or(0).min(*CHUNKS.end());
        Ok(Self { url, min_chunk, lost: false })
    }

    /// One that a mount opened, else a new one.
    pub(super) async fn take(repository: &Repository) -> Result<Self, RegistryError> {
        if let Some(session) = repository.spare(Vec::pop) {
            return Ok(session);
        }
        let url = repository.url("blobs/uploads/")?;
        let answer = repository.send(repository.ask(Method::POST, url.clone())).await?;
        if answer.status().as_u16() != 202 {
            return Err(RegistryError::Refused(repository.wire().refusal(answer).await));
        }
        Self::opened(repository, &url, answer.headers())
    }

    /// A request to the session.
    pub(super) fn ask(&self, repository: &Repository, method: Method) -> Ask {
        repository.ask(method, self.url.clone())
    }

    /// The request that closes the session.
    pub(super) fn ask_to_close(&self, repository: &Repository, digest: &Digest) -> Ask {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        repository.ask(Method::PUT, url)
    }

    /// Goes where an answer of the session leads; it may stay.
    pub(super) fn moved(
        &mut self,
        repository: &Repository,
        headers: &HeaderMap,
    ) -> Result<(), RegistryError> {
        if headers.contains_key(LOCATION) {
            self.url = repository.wire().location(&self.url, headers)?;
        }
        Ok(())
    }

    /// The registry said that it does not know the session.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// How many bytes the registry has; none where it does not know the session, or does not say.
    pub(super) async fn status(&mut self, repository: &Repository) -> Result<Option<u64>, RegistryError> {
        let answer = repository.send(self.ask(repository, Method::GET)).await?;
        if !answer.status().is_success() {
            self.lost = answer.status().as_u16() == 404;
            return Ok(None);
        }
        self.moved(repository, answer.headers())?;
        Ok(kept(answer.headers()))
    }

    /// Tells the registry to throw away what it has. It would do so by itself some day, so that no answer matters.
    pub(in crate::registry) async fn cancel(self, repository: &Repository) {
        if !self.lost {
            let _ = repository.wire().exchange(&self.ask(repository, Method::DELETE), None).await;
        }
    }
}
